import { ByteAccount } from '../core/byte-account.ts'
import { isoTime, sleep } from '../core/clock.ts'
import { createHttpServer, serverDefaults } from '../http/server.ts'
import type { Exchange } from '../http/types.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { controlDoors } from './control/door.ts'
import type { StatusSnapshot } from './control/snapshot.ts'
import { discreetLog, discretionFor } from './discretion.ts'
import { ClientLimit } from './ingress/client-limit.ts'
import { EndlessAnswers } from './ingress/endless-answers.ts'
import { isServed } from './ingress/front-check.ts'
import { OwnNames } from './ingress/own-names.ts'
import { pathOf, route } from './ingress/router.ts'
import { Instruments } from './instruments.ts'
import { createNetwork } from './network.ts'
import { type GatewayOptions, gatewayDefaults } from './options.ts'
import { routesOf } from './routes.ts'
import { type GatewaySeams, standardSeams } from './seams.ts'
import { takeSnapshot } from './snapshot.ts'

export type { StatusSnapshot } from './control/snapshot.ts'
export type { GatewayOptions } from './options.ts'
export type { GatewaySeams } from './seams.ts'

/** A gateway: a front door with upstreams behind it. */
export interface Gateway {
  /** Starts watching the upstreams and listens. Rejects when the address is taken. */
  start(): Promise<{ readonly host: string; readonly port: number }>
  /**
   * `/ready` turns 503; after `drain.noticeMs` event streams end, calls in flight finish and every answer says
   * `Connection: close`; once the connections that were open are gone, new ones are refused. Resolves when all is
   * answered, or `drainMs` after the notice.
   */
  drain(): Promise<void>
  /** Cuts what is left and frees everything. */
  close(): Promise<void>
  snapshot(): StatusSnapshot
}

/**
 * Builds a gateway; nothing runs before `start`.
 *
 * A call goes: door (`ingress/`) → policies of its network (`network.ts`) → pool, which chooses an upstream → transport →
 * node. Beside that, probes keep the state of the upstreams true, and everyone who wants to look reads one snapshot.
 *
 * @param given what differs from the machine's clock and chance, a log that keeps silent and the version of the package
 * @example
 * const gateway = createGateway(fromConfig({ networks: { el: { kind: 'evm', upstreams: [{ url }] } } }))
 * const { port } = await gateway.start()
 */
export function createGateway(options: GatewayOptions, given: Partial<GatewaySeams> = {}): Gateway {
  const seams = { ...standardSeams(), ...given }
  const { clock, version } = seams
  const startedAt = isoTime(clock.wall())
  let draining = false
  const discretion = discretionFor(options, seams.secrets)
  const { maxHeldBytes } = options.limits
  const held = new ByteAccount(maxHeldBytes, maxHeldBytes / 4)
  const inner = { ...seams, log: discreetLog(seams.log, discretion), discretion, held }

  const metrics = new Metrics({ processMetrics: true })
  const instruments = new Instruments(metrics, version)
  instruments.watchHeld(() => held.held)
  const networks = options.networks.map((network) => createNetwork(network, inner, instruments))
  const states = networks.map(({ state }) => state)
  const snapshot = (): StatusSnapshot =>
    takeSnapshot({ version, startedAt, draining, networks: states }, clock, discretion.text)
  const control = controlDoors(snapshot, metrics)
  const endless = new EndlessAnswers()
  const names = new OwnNames(options.listen.host, options.cors.hosts ?? [])
  const clientLimit = new ClientLimit(options.limits.perClient, clock)
  const routes = routesOf(networks, control, options, inner, endless, clientLimit)
  const serve = (exchange: Exchange): void => {
    if (!isServed(exchange, names, clientLimit)) return
    const path = pathOf(exchange.target)
    route(routes, path)(exchange, path)
  }
  const { maxConnections, maxConnectionsPerClient } = options.limits
  const server = createHttpServer(
    { ...serverDefaults, maxConnections, maxConnectionsPerClient, maxHeldBytes },
    clock,
    serve,
    held,
    (client) => clientLimit.take(client, 1),
  )

  return {
    start: async () => {
      const address = await server.listen(options.listen.host, options.listen.port)
      for (const network of networks) network.start()
      return address
    },
    drain: async () => {
      draining = true
      const { noticeMs = gatewayDefaults.drain.noticeMs } = options.drain ?? {}
      // Whoever spreads the load reads the 503 of /ready before the door closes.
      if (noticeMs > 0) await sleep(clock, noticeMs)
      const giveUpAt = clock.now() + options.drainMs
      endless.close()
      await server.takeLeave(options.drainMs)
      await server.drain(giveUpAt - clock.now())
    },
    close: async () => {
      server.destroy()
      for (const network of networks.toReversed()) network.close()
    },
    snapshot,
  }
}
