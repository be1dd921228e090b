/** Bucket edges grow by 2^(1/4) from 0.05 ms: a quantile is right to within a fifth, which four-fold thresholds forgive. */
const smallest = 0.05
const perOctave = 4
const buckets = 88
const halfLifeMs = 60_000
/** A late answer raises the patience above itself by this, for so long: by then such answers are in the quantiles. */
const lenience = 1.5
const lenientMs = 30_000

/**
 * Durations of one method at one upstream, as counts per logarithmic bucket. Old observations fade by half a minute's
 * count at a time, so that yesterday's slow hour does not excuse today's silence.
 */
export class LatencyHistory {
  readonly #counts = new Float32Array(buckets)
  #total = 0
  #fadedAt: number
  #sinceCached = 0
  #cached = new Map<number, number>()
  #leniencyMs = 0
  #lenientUntil = 0

  constructor(now: number) {
    this.#fadedAt = now
  }

  /** Observations that still count. */
  get size(): number {
    return this.#total
  }

  /** @param ms the duration; @param now on the gateway's clock */
  record(ms: number, now: number): void {
    if (now - this.#fadedAt > halfLifeMs) this.#fade(now)
    const at = ms <= smallest ? 0 : Math.min(buckets - 1, Math.ceil(Math.log2(ms / smallest) * perOctave))
    this.#counts[at]!++
    this.#total++
    // A quantile moves slowly: a new scan per sixteenth of new evidence is enough.
    if (++this.#sinceCached * 16 > this.#total) this.#forgetCache()
  }

  /** Like {@link record}, of an answer that came when it was given up, and was none too late: patience grows at once. */
  recordLate(ms: number, now: number): void {
    this.#leniencyMs = Math.max(this.leniency(now), lenience * ms)
    this.#lenientUntil = now + lenientMs
    this.record(ms, now)
  }

  /** What late answers of the last half minute ask for, in milliseconds, whatever the quantiles say. */
  leniency(now: number): number {
    return now < this.#lenientUntil ? this.#leniencyMs : 0
  }

  /** Upper edge of the bucket that holds the quantile, in milliseconds; undefined without observations. */
  quantile(q: number): number | undefined {
    if (this.#total === 0) return undefined
    let value = this.#cached.get(q)
    if (value === undefined) {
      value = this.#scan(q)
      this.#cached.set(q, value)
    }
    return value
  }

  #scan(q: number): number {
    let left = this.#total * q
    for (let at = 0; at < buckets; at++) {
      left -= this.#counts[at]!
      if (left <= 0) return smallest * 2 ** (at / perOctave)
    }
    return smallest * 2 ** ((buckets - 1) / perOctave)
  }

  #fade(now: number): void {
    const factor = 0.5 ** Math.floor((now - this.#fadedAt) / halfLifeMs)
    this.#total = 0
    for (let at = 0; at < buckets; at++) {
      const left = this.#counts[at]! * factor
      this.#counts[at] = left < 0.01 ? 0 : left
      this.#total += this.#counts[at]!
    }
    this.#fadedAt = now
    this.#forgetCache()
  }

  #forgetCache(): void {
    this.#sinceCached = 0
    this.#cached.clear()
  }
}
