import { endToEnd } from '../../http/headers.ts'
import type { Exchange, RawHeaders } from '../../http/types.ts'
import type { Directive } from '../../rpc/call.ts'
import { parseQuantity } from '../../rpc/hex.ts'
import type { DirectivesOptions } from './options.ts'

const minHeadName = 'x-drawbridge-min-head'
/** Headers that speak to us, or that the next request writes for itself. */
const ours = [
  'host',
  'content-length',
  'expect',
  'x-request-id',
  'x-drawbridge-upstream',
  'x-drawbridge-cache',
  minHeadName,
]
const oursForRest = new Set(ours)
/** We read JSON-RPC answers, and write the body anew. */
const oursForRpc = new Set([...ours, 'content-type', 'accept-encoding', 'content-encoding', 'accept', 'origin'])
/** Cross-origin rules, framing and coding of an answer are ours to write. */
const replacedInAnswers = new Set([
  'content-length',
  'content-type',
  'content-encoding',
  'date',
  'vary',
  'access-control-allow-origin',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-credentials',
  'access-control-expose-headers',
  'access-control-max-age',
  'x-request-id',
])
const replacedInRestAnswers = new Set(
  [...replacedInAnswers].filter((name) => !name.startsWith('content-') && name !== 'vary'),
)

/** The client's headers that may be passed on with a JSON-RPC call. */
export function headersOfRpc(exchange: Exchange): string[] {
  return endToEnd(exchange.headers, oursForRpc)
}

/** The client's headers that may be passed on with a REST call. */
export function headersOfRest(exchange: Exchange): string[] {
  return endToEnd(exchange.headers, oursForRest)
}

/** The upstream's headers that survive in the answer to a JSON-RPC call. */
export function headersOfRpcAnswer(headers: RawHeaders): string[] {
  return endToEnd(headers, replacedInAnswers)
}

/** The upstream's headers that survive in the answer to a REST call. */
export function headersOfRestAnswer(headers: RawHeaders): string[] {
  return endToEnd(headers, replacedInRestAnswers)
}

/** What the client asks of the routing: `X-Drawbridge-Min-Head` and, where it may, `X-Drawbridge-Upstream`. */
export function directiveOf(exchange: Exchange, may: DirectivesOptions | undefined): Directive | undefined {
  const upstream = may?.upstream === true ? exchange.header('x-drawbridge-upstream') : undefined
  const text = exchange.header(minHeadName)
  const minHead = text === undefined ? undefined : heightIn(text)
  return upstream === undefined && minHead === undefined ? undefined : { upstream, minHead }
}

/** Whether the least height that a client wants is none: what it does not get it must be told. */
export function isMinHeadBad(exchange: Exchange): boolean {
  const text = exchange.header(minHeadName)
  return text !== undefined && heightIn(text) === undefined
}

function heightIn(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : parseQuantity(text)
}
