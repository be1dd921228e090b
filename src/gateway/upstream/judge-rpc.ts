import type { RawHeaders } from '../../http/types.ts'
import type { Answer, Outcome, RpcCall } from '../../rpc/call.ts'
import { classify, type ErrorEvidence, type Verdict, vendorOf } from '../../rpc/error-classes.ts'
import type { ScannedResponse } from '../../rpc/scan-response.ts'
import { retryAfterOf } from './judge.ts'
import type { UpstreamState } from './state.ts'

/** A response as far as it is judged. */
export interface RpcResponse {
  readonly status: number
  readonly headers: RawHeaders
}

const brokenAnswer: Answer = { kind: 'refusal', refusal: { reason: 'upstreamFailed' } }
const tooLargeAnswer: Answer = { kind: 'refusal', refusal: { reason: 'tooLargeForUpstream' } }
const vendors = new WeakMap<UpstreamState, string>()

/** Judges a complete JSON-RPC response: structure first, words last, and a result never by its words. */
export function judgeRpc(
  call: RpcCall,
  upstream: UpstreamState,
  response: RpcResponse,
  scanned: ScannedResponse,
): Outcome {
  if (scanned.kind === 'result') return good(upstream, response, { kind: 'result', value: scanned.result })
  if (scanned.kind === 'error') return judgeError(call, upstream, response, scanned.error, scanned)
  return judgeBroken(call, upstream, response)
}

/** A good answer of an upstream. */
export function good(upstream: UpstreamState, { headers }: RpcResponse, answer: Answer): Outcome {
  return { answer, verdict: undefined, upstream: upstream.name, head: upstream.head, headers, mayHaveActed: true }
}

/** Judges a JSON-RPC error object. */
export function judgeError(
  call: RpcCall,
  upstream: UpstreamState,
  response: RpcResponse,
  error: Buffer,
  evidence: ErrorEvidence,
): Outcome {
  const vendor = vendorOfUpstream(upstream)
  const verdict = classify({ method: call.name, httpStatus: response.status, error: evidence, vendor })
  return bad(upstream, response, doubted(upstream, verdict), { kind: 'error', error })
}

/** Judges a response that is no JSON-RPC answer: HTML, truncated JSON, neither result nor error. */
export function judgeBroken(call: RpcCall, upstream: UpstreamState, response: RpcResponse): Outcome {
  const verdict = classify({ method: call.name, httpStatus: response.status, notAnAnswer: true })
  return bad(upstream, response, verdict, response.status === 413 ? tooLargeAnswer : brokenAnswer)
}

/** One that refuses our own probes as wrong says nothing about the client's call by refusing that too. */
function doubted(upstream: UpstreamState, verdict: Verdict): Verdict {
  if (upstream.refusedProbes === 0 || verdict.class !== 'CLIENT') return verdict
  return { ...verdict, effect: { ...verdict.effect, retry: 'elsewhere' } }
}

function bad(upstream: UpstreamState, { headers }: RpcResponse, verdict: Verdict, answer: Answer): Outcome {
  const retryAfterMs = verdict.effect.remember === 'backOff' ? retryAfterOf(headers) : undefined
  return { answer, verdict, upstream: upstream.name, head: upstream.head, headers, mayHaveActed: true, retryAfterMs }
}

/** Whose error texts an upstream uses: as configured, or by its host. */
export function vendorOfUpstream(upstream: UpstreamState): string | undefined {
  if (upstream.options.vendor !== undefined) return upstream.options.vendor
  let vendor = vendors.get(upstream)
  if (vendor === undefined) {
    vendor = vendorOf(new URL(upstream.options.url).hostname) ?? ''
    vendors.set(upstream, vendor)
  }
  return vendor === '' ? undefined : vendor
}
