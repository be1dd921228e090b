import { Cancellation } from '../../core/cancel.ts'
import type { Clock } from '../../core/clock.ts'
import { type Outcome, type Policy, type RestCall, Trail } from '../../rpc/call.ts'
import { discard, type Pool } from '../upstream/pool.ts'
import type { NetworkState, UpstreamState } from '../upstream/state.ts'
import { Announcements } from './announcements.ts'
import { better } from './judgement.ts'

/** Longest wait for one repeated announcement, in milliseconds. */
const repeatMs = 10_000
/** A node that failed to take something is left alone for this long, in milliseconds. */
const restMs = 5000

export interface EveryoneOptions {
  readonly network: NetworkState
  readonly pool: Pool<RestCall>
  readonly clock: Clock
}

/**
 * Tells every node what clients announce for their validators, and tells it again to a node that missed it or that comes
 * (back) into service: a node that does not know the fee recipient builds blocks for nobody.
 */
export class Everyone {
  readonly #options: EveryoneOptions
  readonly #kept = new Announcements()
  /** Nodes that may not know all that was announced, and the moment before which they are not told. */
  readonly #behind = new Map<UpstreamState, number>()

  constructor(options: EveryoneOptions) {
    this.#options = options
  }

  /** The client has success as soon as one node has said so. */
  readonly policy: Policy<RestCall> = (next) => (call) => {
    if (!call.everyone || call.directive !== undefined || !Buffer.isBuffer(call.body)) return next(call)
    const { network } = this.#options
    for (const upstream of network.upstreams) if (!upstream.eligible) this.#missed(upstream)
    const eligible = network.upstreams.filter((upstream) => upstream.eligible)
    return eligible.length === 0 ? next(call) : this.#tellAll(call, eligible)
  }

  /** To be called with every probe and every change of service: the moments at which a node may have come back. */
  checked(upstream: UpstreamState, failed: boolean): void {
    if (failed) this.#missed(upstream)
    else void this.#catchUp(upstream)
  }

  #missed(upstream: UpstreamState, waitMs = 0): void {
    if (!this.#behind.has(upstream)) this.#behind.set(upstream, this.#options.clock.now() + waitMs)
  }

  #tellAll(call: RestCall, upstreams: readonly UpstreamState[]): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      let left = upstreams.length
      let best: Outcome | undefined
      const ended = (outcome: Outcome): void => {
        left--
        best = best === undefined ? outcome : better(best, outcome)
        if (outcome.verdict === undefined || left === 0) resolve(best)
      }
      for (const upstream of upstreams) this.#tell(call, upstream).then(ended, reject)
    })
  }

  async #tell(call: RestCall, upstream: UpstreamState): Promise<Outcome> {
    const { pool, clock } = this.#options
    // On a trail of its own, nobody has lost a race: a node that is slow by nature has only been told as well.
    call.trail.attempts++
    const outcome = await pool.attemptAt({ ...call, trail: call.trail.derive() }, upstream)
    if (outcome.verdict === undefined) this.#kept.keep(detached(call), clock.now())
    if (isFailure(outcome)) this.#missed(upstream, restMs)
    return outcome
  }

  async #catchUp(upstream: UpstreamState): Promise<void> {
    const { clock } = this.#options
    const notBefore = this.#behind.get(upstream)
    if (notBefore === undefined || !upstream.eligible || clock.now() < notBefore) return
    this.#behind.delete(upstream)
    for (const key of this.#kept.keys(clock.now())) {
      const call = this.#kept.get(key)
      if (call === undefined || (await this.#repeat(call, upstream))) continue
      this.#behind.set(upstream, clock.now() + restMs)
      return
    }
  }

  /** False when it should be told again later. */
  async #repeat(call: RestCall, upstream: UpstreamState): Promise<boolean> {
    const { pool, clock } = this.#options
    const again = { ...detached(call), startedAt: clock.now() }
    const timer = clock.after(repeatMs, () => again.trail.settle('timedOut'))
    const outcome = await pool.attemptAt(again, upstream)
    clock.clear(timer)
    discard(outcome)
    return !isFailure(outcome)
  }
}

/** The call without its client, which must not be kept with it. */
function detached(call: RestCall): RestCall {
  return { ...call, trail: new Trail(), cancellation: new Cancellation() }
}

/** The node may take it later; what it refuses for good is not offered again. */
function isFailure({ verdict }: Outcome): boolean {
  return verdict !== undefined && ['NODE', 'SYNC', 'RATE', 'UNKNOWN'].includes(verdict.class)
}
