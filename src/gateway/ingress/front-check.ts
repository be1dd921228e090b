import type { Exchange } from '../../http/types.ts'
import type { OwnNames } from './own-names.ts'
import { refuseAt } from './refusal.ts'

/** Checks what holds for every address of the gateway; answers and returns false where a request is not served at all. */
export function isServed(exchange: Exchange, names: OwnNames): boolean {
  if (echoes(exchange.method)) refuseAt(exchange, 'forbiddenMethod', ['Allow', 'GET, HEAD, POST, OPTIONS'])
  else if (!names.accepts(exchange.header('host'))) refuseAt(exchange, 'foreignHost')
  else return true
  return false
}

/** Methods that make a server send a request back: with the headers of ours that upstreams are sent. */
function echoes(method: string): boolean {
  return method !== 'POST' && method !== 'GET' && /^(?:TRACE|TRACK|CONNECT)$/i.test(method)
}
