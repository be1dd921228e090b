import type { Clock } from '../../core/clock.ts'
import { TokenBucket } from '../token-bucket.ts'

/** Frames of one peer that are read at once, and each second. */
const frames = { burst: 1_000, perSecond: 500 }
/** Milliseconds of the thread each second that all peers together get for their questions. */
const threadMs = 500
/** Milliseconds that one peer may take ahead. */
const burstMs = 200

/**
 * What one peer's questions may cost us, over all links that it dials: frames, and time of the thread, because some
 * questions are answered from memory and others by a search of the disk.
 */
export class QuestionShare {
  readonly #clock: Clock
  readonly #frames: TokenBucket
  readonly #time: TokenBucket

  /** @param peers all that share the thread */
  constructor(clock: Clock, peers: number) {
    this.#clock = clock
    this.#frames = new TokenBucket(clock, frames)
    this.#time = new TokenBucket(clock, { burst: burstMs, perSecond: threadMs / Math.max(1, peers) })
  }

  /** Does the work of one frame; gives the milliseconds for which the peer has to wait then, mostly 0. */
  spend(work: () => void): number {
    const begin = this.#clock.now()
    work()
    return Math.max(this.#frames.take(1), this.#time.take(this.#clock.now() - begin))
  }
}
