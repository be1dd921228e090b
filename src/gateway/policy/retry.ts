import type { Call, Outcome, Policy } from '../../rpc/call.ts'
import { better, mayGoElsewhere, sameError, tellsMore, turnedAway } from './judgement.ts'

/** Told what the retries find out. */
export interface RetryObserver {
  retried(call: Call): void
  /** An upstream's unexplained error was contradicted by another's answer. */
  contradicted(upstream: string, rule: string): void
}

/**
 * Asks another upstream when the first could not answer, within the call's one deadline. Refusals that cost nothing
 * (no such method, slow down, key refused) do not use up a retry: the next upstream may well have what this one lacks.
 */
export function retry<C extends Call>(maxRetries: number, observer: RetryObserver): Policy<C> {
  return (next) => async (call) => {
    let best = await next(call)
    let left = maxRetries
    for (let last = best; wantsAnother(call, last, left); ) {
      if (!turnedAway(last)) left--
      const again = await next(call)
      if (again.upstream === undefined) return concluded(best, again)
      observer.retried(call)
      if (settlesDoubt(best, again)) return best
      if (contradicts(best, again)) observer.contradicted(best.upstream!, best.verdict!.rule)
      best = better(best, again)
      last = again
    }
    return best
  }
}

function wantsAnother(call: Call, last: Outcome, left: number): boolean {
  if (call.trail.settled || call.cancellation.cancelled || last.upstream === undefined) return false
  return mayGoElsewhere(call, last) && (left > 0 || turnedAway(last))
}

/** The same unexplained error from two upstreams is the answer, and nobody's fault. */
function settlesDoubt(first: Outcome, second: Outcome): boolean {
  return first.verdict?.class === 'UNKNOWN' && second.verdict?.class === 'UNKNOWN' && sameError(first, second)
}

function contradicts(first: Outcome, second: Outcome): boolean {
  return first.verdict?.class === 'UNKNOWN' && tellsMore(second, first)
}

/** Nobody is left to ask. That others are at their limit is worth telling only when limits are all there is to tell. */
function concluded(best: Outcome, refusal: Outcome): Outcome {
  const limited = refusal.answer.kind === 'refusal' && refusal.answer.refusal.reason === 'limited'
  return limited && best.verdict?.class === 'RATE' ? refusal : best
}
