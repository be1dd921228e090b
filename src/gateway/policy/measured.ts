import type { Clock } from '../../core/clock.ts'
import type { Call, Outcome, Policy } from '../../rpc/call.ts'

/** Told how every call ended. */
export interface CallObserver {
  called(call: Call, outcome: Outcome, durationMs: number): void
}

/** Measures calls from the moment they were read. */
export function measured<C extends Call>(clock: Clock, observer: CallObserver): Policy<C> {
  return (next) => (call) => {
    const note = (outcome: Outcome): Outcome => {
      observer.called(call, outcome, clock.now() - call.startedAt)
      return outcome
    }
    const outcome = next(call)
    return outcome instanceof Promise ? outcome.then(note) : note(outcome)
  }
}
