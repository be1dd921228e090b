import type { Exchange } from '../../http/types.ts'
import type { Cors } from './cors.ts'

/**
 * Whether a page of another site sends this without leave. Browsers say where a request comes from; they ask first
 * (preflight) only for what a form could not send, so a write that comes unasked is refused here. What is no page, a
 * program or a browser's extension, has no web origin.
 */
export function isForeignPage(exchange: Exchange, cors: Cors): boolean {
  const origin = exchange.header('origin')
  if (origin === undefined) return isFromElsewhere(exchange) && !cors.isOpen
  if (origin !== 'null' && !/^https?:/i.test(origin)) return false
  return !cors.allows(origin) && !isAtHome(origin, exchange.header('host'))
}

function isFromElsewhere(exchange: Exchange): boolean {
  const site = exchange.header('sec-fetch-site')
  return site === 'cross-site' || site === 'same-site'
}

/** A page that was itself served under our name, by whatever stands in front of us. */
function isAtHome(origin: string, host: string | undefined): boolean {
  return host !== undefined && origin.toLowerCase().replace(/^https?:\/\//, '') === host.toLowerCase()
}
