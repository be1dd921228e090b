import type { Clock } from '../../core/clock.ts'
import type { Call, Outcome, Policy } from '../../rpc/call.ts'

/**
 * One deadline for the whole call, retries included. What still runs then is cut short and held against its upstream.
 * What may rightly stay silent for ever has no deadline. A client that went away cuts its attempts short too, held against nobody.
 *
 * @param expired makes the outcome of a call whose time is over
 */
export function deadline<C extends Call>(timeoutMs: number, clock: Clock, expired: () => Outcome): Policy<C> {
  return (next) => (call) =>
    new Promise((resolve, reject) => {
      const expire = (): void => {
        call.trail.settle('timedOut')
        resolve(expired())
      }
      const timer = call.patienceMs === Number.POSITIVE_INFINITY ? undefined : clock.after(timeoutMs, expire)
      call.cancellation.onCancel(() => {
        clock.clear(timer)
        call.trail.settle('unwanted')
      })
      const settle = (outcome: Outcome): void => {
        clock.clear(timer)
        call.trail.settle('answered')
        resolve(outcome)
      }
      const outcome = next(call)
      if (outcome instanceof Promise) outcome.then(settle, reject)
      else settle(outcome)
    })
}
