import type { Cancellation } from '../core/cancel.ts'
import type { AbortableSource, ByteSource } from '../core/flow.ts'
import type { Verdict } from './error-classes.ts'
import { type MethodTraits, methodTraits } from './methods.ts'

/** What a client may ask of the routing, by request header. */
export interface Directive {
  /** Only this upstream will do. */
  readonly upstream?: string | undefined
  /** Only upstreams that have reached this block. */
  readonly minHead?: number | undefined
}

/** One try of a call, as the policies around it see it. */
export interface RunningAttempt {
  readonly upstream: { readonly name: string }
  /** Lets it run on for what its lateness teaches, but nobody waits for it any more. */
  abandon(): void
  /** Cuts it short. `timedOut`: the upstream had its time and did not use it. */
  abort(why: 'unwanted' | 'timedOut'): void
}

/** What has happened to a call so far. Written by the pool, read by the policies. */
export class Trail {
  /** Upstreams that have been asked: each at most once per call. */
  readonly tried: object[] = []
  attempts = 0
  /** When the attempt began that ended last: when the call is answered, the one that answered it. */
  answeringSince = 0
  running: RunningAttempt[] = []
  /** An upstream that was able to answer has answered, whatever it said. */
  heardOut = false
  /** Set by whoever can start another attempt while one hangs; called when the upstream of one falls silent. */
  onStuck: (() => void) | undefined
  /** The answer is chosen: no further attempts. */
  settled = false
  #derived: Trail[] | undefined

  /** The trail of a further call on behalf of this one: it is settled when this one is. */
  derive(): Trail {
    const trail = new Trail()
    if (this.settled) trail.settle('unwanted')
    else if (this.#derived === undefined) this.#derived = [trail]
    else this.#derived.push(trail)
    return trail
  }

  /** Chooses no further: whoever still runs is abandoned, or cut short when nobody wants to learn from it. */
  settle(how: 'answered' | 'unwanted' | 'timedOut'): void {
    if (this.settled) return
    this.settled = true
    this.onStuck = undefined
    const running = this.running
    this.running = []
    for (const attempt of running) {
      if (how === 'answered') attempt.abandon()
      else attempt.abort(how)
    }
    if (this.#derived !== undefined) for (const trail of this.#derived) trail.settle(how)
  }
}

/** What every call, whatever it speaks, tells those who route and repeat it. */
export interface Call {
  /** Method or route exactly. */
  readonly name: string
  /** Method or route as metrics and latency histories know it: one of few. */
  readonly label: string
  readonly repeat: MethodTraits['repeat']
  readonly cost: MethodTraits['cost']
  readonly requestId: string
  /** Address of the client. */
  readonly client?: string | undefined
  /** Client headers that may be passed on; hop-by-hop ones are gone. Name, value, name, value … */
  readonly headers: readonly string[]
  readonly directive: Directive | undefined
  /** Cancelled when the client went away. */
  readonly cancellation: Cancellation
  readonly trail: Trail
  /** On the gateway's clock, in milliseconds. */
  readonly startedAt: number
  /**
   * How long its node is waited for before anyone else is asked, whatever the history says, in milliseconds; infinite
   * for what may rightly stay silent. Undefined: as long as the history says.
   */
  readonly patienceMs?: number | undefined
}

/** One JSON-RPC call of a client. */
export interface RpcCall extends Call {
  readonly traits: MethodTraits
  /** Raw JSON of the params, undefined when absent. */
  readonly params: Buffer | undefined
}

/** One REST call of a client. */
export interface RestCall extends Call {
  readonly verb: string
  /** Path and query as the client wrote them, below the network's own prefix. */
  readonly target: string
  readonly body: Buffer | ByteSource | undefined
  /** The answer is an event stream: handed over at once, and it may be silent for long. */
  readonly endless: boolean
  /** Every node of the network is to be told, and told again when it comes back. */
  readonly everyone: boolean
}

/** Why we answer in an upstream's place. */
export type RefusalReason =
  | 'noUpstream'
  | 'limited'
  | 'deadline'
  | 'upstreamFailed'
  | 'tooLargeForUpstream'
  | 'unsupported'
  | 'filterGone'
  | 'unknownUpstream'
  | 'internal'

/** Our own answer in an upstream's place. */
export interface Refusal {
  readonly reason: RefusalReason
  readonly retryAfterMs?: number | undefined
}

/** What came of a call. */
export type Answer =
  /** A JSON-RPC result, as raw JSON. */
  | { readonly kind: 'result'; readonly value: Buffer }
  /** A JSON-RPC result too large to hold, flowing by. */
  | { readonly kind: 'resultStream'; readonly source: AbortableSource }
  /** A JSON-RPC error object as the upstream sent it, as raw JSON. */
  | { readonly kind: 'error'; readonly error: Buffer }
  /** A REST response. */
  | { readonly kind: 'http'; readonly status: number; readonly body: Buffer | AbortableSource }
  /** No upstream's answer: our own refusal. */
  | { readonly kind: 'refusal'; readonly refusal: Refusal }

/** An answer with the judgement on it. */
export interface Outcome {
  readonly answer: Answer
  /** Undefined for a good answer. */
  readonly verdict: Verdict | undefined
  /** Name of the upstream that gave it; undefined for our own refusals. */
  readonly upstream: string | undefined
  /** Head of that upstream when it answered, where known. */
  readonly head: number | undefined
  /** It comes from an upstream that was out of service or far behind: blocks behind, or why. */
  readonly stale?: string | undefined
  /** Response headers of the upstream. */
  readonly headers: readonly string[]
  /** False when the upstream certainly has not carried the call out, so that even a write may go elsewhere. */
  readonly mayHaveActed: boolean
  /** How long the upstream asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}

/** Carries a call to its outcome. May answer at once: a synchronous answer costs no promise. */
export type Handler<C extends Call> = (call: C) => Outcome | Promise<Outcome>

/** One layer around a handler. */
export type Policy<C extends Call> = (next: Handler<C>) => Handler<C>

/** Wraps `inner` into the policies, the first of the list outermost. */
export function compose<C extends Call>(policies: readonly Policy<C>[], inner: Handler<C>): Handler<C> {
  return policies.reduceRight<Handler<C>>((next, policy) => policy(next), inner)
}

/** A call of our own on behalf of a client's: another method and params, and a trail that ends with the client's. */
export function derivedCall(call: RpcCall, method: string, params: string): RpcCall {
  const traits = methodTraits(method)
  const { label, repeat, cost } = traits
  const trail = call.trail.derive()
  return { ...call, name: method, label, repeat, cost, traits, params: Buffer.from(params), trail }
}
