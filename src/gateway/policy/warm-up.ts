import type { Call, Policy } from '../../rpc/call.ts'

/** Whether upstreams are known well enough to route by. */
export interface Readiness {
  readonly isOpen: boolean
  readonly opened: Promise<void>
}

/** Lets calls that come before the first probes have ended wait for them, within their deadline. */
export function warmUp<C extends Call>(readiness: Readiness): Policy<C> {
  return (next) => (call) => (readiness.isOpen ? next(call) : readiness.opened.then(() => next(call)))
}
