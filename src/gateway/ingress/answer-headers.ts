import type { Outcome } from '../../rpc/call.ts'
import { headersOfRestAnswer, headersOfRpcAnswer } from './client-headers.ts'
import { retryAfterSeconds } from './refusal.ts'

/** What goes along with an upstream's answer. */
export interface AnswerHeaders {
  ofRpc(outcome: Outcome): string[]
  /** @param status the upstream's */
  ofRest(outcome: Outcome, status: number): string[]
}

/** Names that begin like this are ours to say, or speak to whoever stands between us and the client. */
const reservedPrefixes = ['x-drawbridge-', 'access-control-', 'x-accel-'] as const
/** To a browser these speak for the whole origin, which is not the upstream's. */
const forAnOrigin = new Set(
  `strict-transport-security alt-svc nel report-to reporting-endpoints clear-site-data public-key-pins
  public-key-pins-report-only expect-ct content-security-policy content-security-policy-report-only permissions-policy
  cross-origin-opener-policy cross-origin-embedder-policy cross-origin-resource-policy origin-agent-cluster
  service-worker-allowed accept-ch critical-ch set-login speculation-rules timing-allow-origin refresh retry-after`.split(
    /\s+/,
  ),
)

/**
 * @param redact hides the secrets of the config, which an upstream may repeat
 * @param withCookies names of the upstreams whose cookies are the client's affair
 */
export function answerHeadersOf(redact: (text: string) => string, withCookies: ReadonlySet<string>): AnswerHeaders {
  const sifted = (headers: string[], upstream: string | undefined): string[] => {
    const cookies = upstream !== undefined && withCookies.has(upstream)
    const kept: string[] = []
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!.toLowerCase()
      if (isReserved(name) || (name === 'set-cookie' && !cookies)) continue
      kept.push(headers[at]!, redact(headers[at + 1]!))
    }
    return kept
  }
  return {
    ofRpc: ({ headers, upstream }) => (headers.length === 0 ? [] : sifted(headersOfRpcAnswer(headers), upstream)),
    ofRest: ({ headers, upstream, retryAfterMs }, status) => {
      const kept = sifted(headersOfRestAnswer(headers), upstream)
      const waits = retryAfterMs !== undefined && (status === 429 || status === 503)
      if (waits) kept.push('Retry-After', retryAfterSeconds(retryAfterMs))
      return kept
    },
  }
}

/** For a gateway without secrets and cookies. */
export const openly: AnswerHeaders = answerHeadersOf((text) => text, new Set())

function isReserved(name: string): boolean {
  return forAnOrigin.has(name) || reservedPrefixes.some((prefix) => name.startsWith(prefix))
}
