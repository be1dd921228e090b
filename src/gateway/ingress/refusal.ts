import type { CarrierErrorCode, Exchange } from '../../http/types.ts'
import type { Refusal } from '../../rpc/call.ts'
import { type ClientErrorReason, clientErrors } from '../../rpc/client-errors.ts'
import { errorBody, errorObject } from '../../rpc/envelope.ts'

/** What a refusal may add to its reason. */
export interface RefusalDetail {
  /** What exactly is wrong, for errors that the client can mend. */
  readonly problem?: string | undefined
  /** The caller's id as raw JSON, where it could be told. */
  readonly id?: Buffer | undefined
  readonly retryAfterMs?: number | undefined
  readonly headers?: readonly string[] | undefined
}

/** Our own error in a JSON-RPC answer: the error object as raw JSON, and the HTTP status of a single call. */
export interface OurError {
  readonly status: number
  readonly error: Buffer
}

/** The error for a reason, from the one table of them. */
export function ourError(reason: ClientErrorReason, detail: RefusalDetail = {}): OurError {
  const { code, status, message, class: errorClass, nextStep } = clientErrors[reason]
  const problem = detail.problem === undefined ? '' : ` ${sentence(detail.problem)}`
  return { status, error: errorObject(code, `${message}${problem}`, { class: errorClass, nextStep }) }
}

/** The error for a call that no upstream answered. */
export function refusalOf(refusal: Refusal): OurError {
  return ourError(refusal.reason, { retryAfterMs: refusal.retryAfterMs })
}

/** The request that is refused. */
export interface Refused {
  readonly exchange: Exchange
  readonly requestId: string
  readonly corsHeaders: readonly string[]
}

/** Answers a whole HTTP request with one JSON-RPC error. */
export function refuse(request: Refused, reason: ClientErrorReason, detail: RefusalDetail = {}): void {
  const { status, error } = ourError(reason, detail)
  const headers = ['Content-Type', 'application/json', 'X-Request-Id', request.requestId, ...request.corsHeaders]
  if (detail.headers !== undefined) headers.push(...detail.headers)
  if (detail.retryAfterMs !== undefined) headers.push('Retry-After', retryAfterSeconds(detail.retryAfterMs))
  request.exchange.respond(status, headers, errorBody(detail.id, error))
}

/** Refuses a request that has come to no door. */
export function refuseAt(exchange: Exchange, reason: ClientErrorReason, more: readonly string[] = []): void {
  const { status, error } = ourError(reason)
  exchange.respond(status, ['Content-Type', 'application/json', ...more], errorBody(undefined, error))
}

/** Why a body did not come whole, as the client is told; undefined when there is nobody left to tell. */
export function bodyRefusal(code: CarrierErrorCode, { holding }: Exchange): ClientErrorReason | undefined {
  if (code === 'TOO_LARGE') return 'tooLarge'
  if (code === 'MALFORMED') return 'unparsable'
  if (code === 'TIMEOUT') return 'tooSlow'
  if (code === 'NO_ROOM') return holding.shortage === 'client' ? 'tooMuchHeld' : 'noRoom'
  return undefined
}

/** Retry-After is in whole seconds, one at least (RFC 9110 §10.2.3). */
export function retryAfterSeconds(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)))
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
}
