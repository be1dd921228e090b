import type { Exchange } from '../../http/types.ts'
import type { ClientLimit } from './client-limit.ts'
import type { OwnNames } from './own-names.ts'
import { refuseAt, retryAfterSeconds } from './refusal.ts'

/**
 * Checks what holds for every address of the gateway; answers and returns false where a request is not served at all.
 * What is refused has cost its client a call as well.
 */
export function isServed(exchange: Exchange, names: OwnNames, limit: ClientLimit): boolean {
  const forbidden = echoes(exchange.method)
  if (!forbidden && names.accepts(exchange.header('host'))) return true
  const waitMs = limit.take(exchange.client, 1)
  if (waitMs > 0) refuseAt(exchange, 'limited', ['Retry-After', retryAfterSeconds(waitMs)])
  else if (forbidden) refuseAt(exchange, 'forbiddenMethod', ['Allow', 'GET, HEAD, POST, OPTIONS'])
  else refuseAt(exchange, 'foreignHost')
  return false
}

/** Methods that make a server send a request back: with the headers of ours that upstreams are sent. */
function echoes(method: string): boolean {
  return method !== 'POST' && method !== 'GET' && /^(?:TRACE|TRACK|CONNECT)$/i.test(method)
}
