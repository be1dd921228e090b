import type { Log } from '../../core/log.ts'
import type { Call, Outcome, Policy } from '../../rpc/call.ts'
import { ownAnswer } from '../upstream/pool.ts'

/** Turns a bug of ours into one refused call and one log line, instead of a dead process or a client left waiting. */
export function guarded<C extends Call>(log: Log): Policy<C> {
  return (next) => (call) => {
    const refuse = (error: unknown): Outcome => {
      log.error({ error, method: call.name, requestId: call.requestId }, 'a call failed inside the gateway')
      call.trail.settle('unwanted')
      return ownAnswer({ reason: 'internal' })
    }
    try {
      const outcome = next(call)
      return outcome instanceof Promise ? outcome.catch(refuse) : outcome
    } catch (error) {
      return refuse(error)
    }
  }
}
