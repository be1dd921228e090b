import type { Clock } from '../../core/clock.ts'
import type { LimitsOptions } from './options.ts'

interface Bucket {
  tokens: number
  filledAt: number
}

/** Addresses remembered; the least recently seen ones beyond that start anew with a full bucket. */
const maxClients = 50_000

/** A token bucket per client address. */
export class ClientLimit {
  readonly #perSecond: number
  readonly #burst: number
  readonly #clock: Clock
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: LimitsOptions['perClient'], clock: Clock) {
    this.#perSecond = options.requestsPerSecond
    this.#burst = Math.max(1, options.burst, options.requestsPerSecond)
    this.#clock = clock
  }

  /** Takes `calls` from the client's bucket. Returns 0 when there was room, else the milliseconds to wait. */
  take(address: string, calls: number): number {
    if (this.#perSecond === 0) return 0
    const bucket = this.#bucketOf(address)
    // A batch larger than the bucket would otherwise never pass: it needs a full one.
    const needed = Math.min(calls, this.#burst)
    if (bucket.tokens < needed) return Math.ceil(((needed - bucket.tokens) / this.#perSecond) * 1000)
    bucket.tokens -= calls
    return 0
  }

  /** Takes the rest of a batch of which one call was taken before it was read. Returns as {@link take} does. */
  takeRest(address: string, calls: number): number {
    if (this.#perSecond === 0 || calls <= 1) return 0
    const bucket = this.#bucketOf(address)
    const needed = Math.min(calls, this.#burst)
    if (bucket.tokens < needed - 1) return Math.ceil(((needed - bucket.tokens) / this.#perSecond) * 1000)
    bucket.tokens -= calls - 1
    return 0
  }

  #bucketOf(address: string): Bucket {
    const now = this.#clock.now()
    const known = this.#buckets.get(address)
    const bucket = known ?? { tokens: this.#burst, filledAt: now }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((now - bucket.filledAt) / 1000) * this.#perSecond)
    bucket.filledAt = now
    // Deleting and setting moves the address to the end: the first one is the longest unseen.
    this.#buckets.delete(address)
    this.#buckets.set(address, bucket)
    if (this.#buckets.size > maxClients) this.#buckets.delete(this.#buckets.keys().next().value!)
    return bucket
  }
}
