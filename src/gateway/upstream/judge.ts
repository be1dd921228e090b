import { describeDialCause } from '../../http/dial-causes.ts'
import { headerValue } from '../../http/headers.ts'
import type { CarrierError, RawHeaders } from '../../http/types.ts'
import type { Outcome } from '../../rpc/call.ts'
import { effects } from '../../rpc/error-classes.ts'
import type { UpstreamState } from './state.ts'

const longestRetryAfterMs = 600_000

/** The outcome of an attempt that got no answer at all. */
export function judgeFailure(upstream: UpstreamState, error: CarrierError): Outcome {
  return {
    answer: { kind: 'refusal', refusal: { reason: 'upstreamFailed' } },
    verdict: { class: 'NODE', rule: describeFailure(error), effect: effects.NODE },
    upstream: upstream.name,
    head: undefined,
    headers: [],
    mayHaveActed: error.sent,
  }
}

/** Retry-After in milliseconds (RFC 9110 §10.2.3, the form in seconds); undefined when absent or unusable. */
export function retryAfterOf(headers: RawHeaders): number | undefined {
  const text = headerValue(headers, 'retry-after')
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined
  return Math.min(longestRetryAfterMs, Number(text) * 1000)
}

/** A failure as logs and `/status` name it, with its cause where one is known. */
export function describeFailure(error: CarrierError): string {
  const isDial = error.code === 'CONNECT_FAILED' || error.code === 'TLS_FAILED'
  const why = isDial ? describeDialCause(error.cause, error.code === 'TLS_FAILED') : undefined
  return why === undefined ? whatFailed(error) : `${whatFailed(error)}: ${why}`
}

function whatFailed(error: CarrierError): string {
  switch (error.code) {
    case 'CONNECT_REFUSED':
      return 'connection refused'
    case 'CONNECT_TIMEOUT':
      return 'connecting took too long'
    case 'CONNECT_FAILED':
      return 'cannot connect'
    case 'TLS_FAILED':
      return 'TLS handshake failed'
    case 'RESET':
      return 'connection reset'
    case 'CLOSED_EARLY':
      return 'connection closed before the answer was complete'
    case 'TIMEOUT':
      return 'timed out'
    case 'MALFORMED':
      return 'answered something that is not HTTP'
    case 'TOO_LARGE':
      return 'answer too large'
    case 'NO_ROOM':
      return 'no room to hold its answer'
    case 'ABORTED':
      return 'cut short'
  }
}
