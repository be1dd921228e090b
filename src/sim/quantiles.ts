/** Three points of a distribution, in the unit of its samples. */
export interface Quantiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

/** The sample at rank ⌈p·n⌉ of sorted samples (nearest rank); 0 without samples. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return 0
  const rank = Math.ceil(p * sorted.length) - 1
  return sorted[Math.min(sorted.length - 1, Math.max(0, rank))]!
}

/** Median, ninetieth and ninety-ninth percentile, rounded to thousandths. */
export function quantilesOf(samples: readonly number[]): Quantiles {
  const sorted = Float64Array.from(samples).sort()
  const at = (p: number): number => Math.round(quantile(sorted, p) * 1000) / 1000
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) }
}
