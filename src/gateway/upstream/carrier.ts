import type { Call, Outcome } from '../../rpc/call.ts'
import type { UpstreamState } from './state.ts'

/** What happens to one attempt on its way. Exactly one `onOutcome`, or nothing after an abort. */
export interface AttemptReceiver {
  /** The upstream has begun to answer. */
  onHeard(): void
  /** The upstream cut the connection before it said anything; the request is sent to it once more. */
  onResent?(): void
  /** A piece of an answer that is still held has come. */
  onProgress(bytes: number): void
  onOutcome(outcome: Outcome): void
}

/** Carries one call to one upstream and judges what comes back. The seam between the pool and the transports. */
export type Carrier<C extends Call> = (call: C, upstream: UpstreamState, receiver: AttemptReceiver) => { abort(): void }
