import { isoTime } from '../core/clock.ts'
import { createHttpServer, serverDefaults } from '../http/server.ts'
import type { Exchange } from '../http/types.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { controlDoors } from './control/door.ts'
import type { StatusSnapshot } from './control/snapshot.ts'
import { atMost, runningCallsEnded } from './draining.ts'
import { pathOf, route } from './ingress/router.ts'
import { Instruments } from './instruments.ts'
import { createNetwork } from './network.ts'
import type { GatewayOptions } from './options.ts'
import { routesOf } from './routes.ts'
import type { GatewaySeams } from './seams.ts'
import { takeSnapshot } from './snapshot.ts'

export type { StatusSnapshot } from './control/snapshot.ts'
export type { GatewayOptions } from './options.ts'
export type { GatewaySeams } from './seams.ts'

/** A gateway: a front door with upstreams behind it. */
export interface Gateway {
  /** Starts watching the upstreams and listens. Rejects when the address is taken. */
  start(): Promise<{ readonly host: string; readonly port: number }>
  /**
   * `/ready` turns 503 and calls in flight finish; then new connections are refused. Resolves when all is answered, or
   * after `drainMs`.
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
 * @example
 * const gateway = createGateway(options, { clock: realClock, random: systemRandom, log, version: '1.0.0' })
 * const { port } = await gateway.start()
 */
export function createGateway(options: GatewayOptions, seams: GatewaySeams): Gateway {
  const { clock, version } = seams
  const startedAt = isoTime(clock.wall())
  let draining = false

  const metrics = new Metrics({ processMetrics: true })
  const instruments = new Instruments(metrics, version)
  const networks = options.networks.map((network) => createNetwork(network, seams, instruments))
  const states = networks.map(({ state }) => state)
  const snapshot = (): StatusSnapshot => takeSnapshot({ version, startedAt, draining, networks: states }, clock)
  const control = controlDoors(snapshot, metrics)
  const routes = routesOf(networks, control, options, seams)
  const serve = (exchange: Exchange): void => {
    const path = pathOf(exchange.target)
    route(routes, path)(exchange, path)
  }
  const server = createHttpServer({ ...serverDefaults, maxConnections: options.limits.maxConnections }, clock, serve)

  return {
    start: async () => {
      const address = await server.listen(options.listen.host, options.listen.port)
      for (const network of networks) network.start()
      return address
    },
    drain: async () => {
      draining = true
      const giveUpAt = clock.now() + options.drainMs
      // Whoever spreads the load must be able to read the 503 of /ready while calls still run.
      await runningCallsEnded(states, clock, options.drainMs)
      await atMost(Math.max(0, giveUpAt - clock.now()), server.drain(), clock)
    },
    close: async () => {
      server.destroy()
      for (const network of networks.toReversed()) network.close()
    },
    snapshot,
  }
}
