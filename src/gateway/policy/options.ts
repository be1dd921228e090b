/** What is done when an upstream does not answer well. */
export interface FailsafeOptions {
  /** One deadline for the whole call, retries included. */
  readonly timeoutMs: number
  /** Further attempts after the first, each on another upstream. */
  readonly maxRetries: number
  /** Longest time without progress of an answer that already flows to the client, which is then broken off. */
  readonly stallMs: number
  /** How long a node may take to produce a block before another one is asked as well. Beacon networks only. */
  readonly produceMs: number
  readonly hedge: HedgeOptions
  readonly breaker: BreakerOptions
}

export interface HedgeOptions {
  /** A second attempt starts when the first takes longer than this quantile of the method's own history; 1 switches it off. */
  readonly afterQuantile: number
  /** Hedges per hundred calls at most. */
  readonly maxExtraPercent: number
}

export interface BreakerOptions {
  /** Share of failed attempts in the rolling window that opens the breaker; above 1 switches it off. */
  readonly failureRatio: number
  /** Attempts in the window below which it stays closed. */
  readonly minimumCalls: number
  /** Time until a single trial may close it again. */
  readonly openMs: number
}

export const failsafeDefaults: FailsafeOptions = {
  timeoutMs: 30_000,
  maxRetries: 2,
  stallMs: 10_000,
  produceMs: 3000,
  hedge: { afterQuantile: 0.95, maxExtraPercent: 10 },
  breaker: { failureRatio: 0.5, minimumCalls: 20, openMs: 10_000 },
}
