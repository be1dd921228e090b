import type { Clock } from '../../core/clock.ts'
import type { Outcome, Policy, RefusalReason, RpcCall } from '../../rpc/call.ts'
import { properError } from '../../rpc/client-errors.ts'
import { ownAnswer } from '../upstream/pool.ts'
import type { NetworkState } from '../upstream/state.ts'

/** Retry-After when no upstream has said how long it wants to rest, in milliseconds. */
const usualRestMs = 1000

/**
 * Turns what the upstreams said into what the client is told: a verdict byte for byte as received, and no
 * word of a vendor's about keys, plans and its own failures.
 *
 * @param discreet hides the secrets of the config, which an upstream may repeat
 */
export function told(
  network: NetworkState,
  clock: Clock,
  discreet: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Policy<RpcCall> {
  return (next) => (call) => {
    const tell = (outcome: Outcome): Outcome => reworded(call, outcome, network, clock.now(), discreet)
    const outcome = next(call)
    return outcome instanceof Promise ? outcome.then(tell) : tell(outcome)
  }
}

function reworded(
  call: RpcCall,
  outcome: Outcome,
  network: NetworkState,
  now: number,
  discreet: (bytes: Buffer) => Buffer,
): Outcome {
  const { answer, verdict, upstream } = outcome
  if (verdict === undefined || upstream === undefined) return outcome
  switch (verdict.effect.client) {
    case 'methodNotFound':
      return refused(outcome, 'unsupported')
    case 'limited':
      return ownAnswer({ reason: 'limited', retryAfterMs: shortestRest(network, call.label, now) })
    case 'ownError':
      return refused(outcome, 'upstreamFailed')
    case 'asReceived':
    case 'success':
      if (answer.kind !== 'error') return outcome
      return { ...outcome, answer: { kind: 'error', error: discreet(properError(answer.error)) } }
  }
}

function refused(outcome: Outcome, reason: RefusalReason): Outcome {
  return { ...outcome, answer: { kind: 'refusal', refusal: { reason } }, headers: [] }
}

function shortestRest({ upstreams }: NetworkState, label: string, now: number): number {
  const rests = upstreams
    .map(({ pausedUntil, rests }) => Math.max(pausedUntil - now, rests.restOf(label, now)))
    .filter((rest) => rest > 0)
  return rests.length === 0 ? usualRestMs : Math.min(...rests)
}
