import type { Clock } from '../../core/clock.ts'
import { DrawbridgeError } from '../../core/errors.ts'
import type { RawHeaders } from '../../http/types.ts'
import type { ProbeRefusal } from '../upstream/refused-probe.ts'
import type { UpstreamState } from '../upstream/state.ts'

/** One small request of a probe. */
export interface ProbeRequest {
  readonly method: 'GET' | 'POST'
  /** Below the upstream's own path; empty for JSON-RPC. */
  readonly target: string
  readonly body: Buffer | undefined
  /** Longest answer that is read; small when left out. */
  readonly maxBytes?: number | undefined
}

export interface ProbeResponse {
  readonly status: number
  readonly headers: RawHeaders
  readonly body: Buffer
  /** What carried it, for an answer that cannot be trusted. */
  readonly connection?: { retire(): void } | undefined
}

/** Sends a probe's request; rejects with a {@link ProbeError} when there is no answer in time. */
export type ProbeAsk = (upstream: UpstreamState, request: ProbeRequest) => Promise<ProbeResponse>

/** A probe that did not get what it asked for. */
export class ProbeError extends DrawbridgeError {
  /** What was said instead, when anything was; undefined where no answer came. */
  readonly refusal: ProbeRefusal | undefined

  constructor(message: string, cause?: unknown, refusal?: ProbeRefusal) {
    super('PROBE_FAILED', message, { cause })
    this.refusal = refusal
  }
}

/** Hides the secrets of the config in what an upstream says: before it is cut, as half a secret is not recognized. */
export type Discreet = (text: string) => string

/** For a config without secrets. */
export const openly: Discreet = (text) => text

/** An answer that cannot be one to what was asked: a refusal, whatever its status says. */
export function nonsense(message: string, cause?: unknown): ProbeError {
  return new ProbeError(message, cause, { class: 'NODE', retryAfterMs: undefined })
}

/** What a probe found out; fields it did not ask for are absent. */
export interface ProbeFacts {
  readonly head: number
  readonly headHash?: string | undefined
  /** When the head was made, by the block's own time, in milliseconds since 1970. */
  readonly headBornWall?: number | undefined
  readonly safe?: number | undefined
  readonly finalized?: number | undefined
  /** Chain id or genesis. */
  readonly chain?: string | undefined
  /** Why the node is not fit to answer, in its own view. */
  readonly syncing: string | undefined
}

/** One look at one upstream. Rejects with a {@link ProbeError}. */
export type Probe = (upstream: UpstreamState, ask: ProbeAsk) => Promise<ProbeFacts>

/** Chain identity is asked anew after this long, in case the node behind the address was changed. */
const identityEveryMs = 10_000

/** Decides when a probe asks for more than the height. */
export class ProbeSchedule {
  readonly #clock: Clock
  readonly #identifiedAt = new Map<UpstreamState, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** At first, whenever an upstream comes back, and now and then. */
  wantsIdentity(upstream: UpstreamState): boolean {
    const last = this.#identifiedAt.get(upstream)
    if (last === undefined || !upstream.eligible || upstream.failuresInARow > 0) return true
    return this.#clock.now() - last >= identityEveryMs
  }

  identified(upstream: UpstreamState): void {
    this.#identifiedAt.set(upstream, this.#clock.now())
  }
}
