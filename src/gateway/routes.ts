import { Decoding } from '../http/decoding.ts'
import { beaconRoute } from './beacon/routes.ts'
import type { ControlDoors } from './control/door.ts'
import type { NetworkSeams } from './dialects.ts'
import { answerHeadersOf } from './ingress/answer-headers.ts'
import type { ClientLimit } from './ingress/client-limit.ts'
import { Cors } from './ingress/cors.ts'
import type { EndlessAnswers } from './ingress/endless-answers.ts'
import { refuseAt, retryAfterSeconds } from './ingress/refusal.ts'
import { RequestIds } from './ingress/request-id.ts'
import { type RouteOf, restDoor } from './ingress/rest-door.ts'
import type { Door, Routes } from './ingress/router.ts'
import { rpcDoor } from './ingress/rpc-door.ts'
import type { Network } from './network.ts'
import type { GatewayOptions } from './options.ts'

/** Every address of a gateway. */
export function routesOf(
  networks: readonly Network[],
  control: ControlDoors,
  options: GatewayOptions,
  { clock, random, discretion, held }: NetworkSeams,
  endless: EndlessAnswers,
  clientLimit: ClientLimit,
): Routes {
  const exact = new Map<string, Door>([
    ['/health', control.health],
    ['/ready', control.ready],
    ['/status', control.status],
    ['/metrics', control.metrics],
  ])
  const prefixes = new Map<string, Door>()
  const common = {
    limits: options.limits,
    directives: options.directives,
    clientLimit,
    cors: new Cors(options.cors),
    decoding: new Decoding(),
    ids: new RequestIds(random),
    clock,
  }
  for (const network of networks) {
    const path = `/${network.options.name}`
    const answerHeaders = answerHeadersOf(discretion.text, withCookies(network))
    if (network.kind === 'evm') {
      const door = rpcDoor({ ...common, answerHeaders, held, handler: network.handler })
      exact.set(path, door)
      if (network.options.default) exact.set('/', door)
    } else {
      const { produceMs } = network.options.failsafe
      const routeOf: RouteOf = (verb, path) => beaconRoute(verb, path, produceMs)
      const door = (prefix: string): Door =>
        restDoor({
          ...common,
          answerHeaders,
          discreet: discretion.idle ? undefined : discretion.bytes,
          endless,
          handler: network.handler,
          prefix,
          routeOf,
        })
      exact.set(path, door(path))
      prefixes.set(`${path}/`, door(path))
      if (network.options.default) prefixes.set('/eth/', door(''))
    }
  }
  return { exact, prefixes, otherwise: notFound(networks, clientLimit) }
}

/** Who is sent a client's cookies may also set them. */
function withCookies({ options }: Network): ReadonlySet<string> {
  const named = options.upstreams.filter(({ passHeaders }) =>
    passHeaders.some((name) => name === 'cookie' || name === 'set-cookie'),
  )
  return new Set(named.map(({ name }) => name))
}

function notFound(networks: readonly Network[], limit: ClientLimit): Door {
  const doors = networks.map(({ kind, options }) =>
    kind === 'evm' ? `POST /${options.name}` : `/${options.name}/eth/…`,
  )
  const hint = `Nothing is served here. Try ${[...doors, '/health', '/ready', '/status', '/metrics'].join(', ')}.`
  const body = `${JSON.stringify({ error: { code: 'NOT_FOUND', message: hint } })}\n`
  return (exchange) => {
    const waitMs = limit.take(exchange.client, 1)
    if (waitMs > 0) refuseAt(exchange, 'limited', ['Retry-After', retryAfterSeconds(waitMs)])
    else exchange.respond(404, ['Content-Type', 'application/json'], body)
  }
}
