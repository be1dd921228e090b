import type { UpstreamOptions } from './options.ts'

/** What an upstream may still be asked: a token bucket that holds one second's worth of calls. */
export interface Allowance {
  readonly perSecond: number
  tokens: number
  filledAt: number
}

/** A full bucket. */
export function newAllowance(options: UpstreamOptions, now: number): Allowance {
  const perSecond = options.maxRequestsPerSecond ?? Number.POSITIVE_INFINITY
  return { perSecond, tokens: Math.max(1, perSecond), filledAt: now }
}

/** Milliseconds until one more call is allowed; 0 means now. */
export function waitFor(allowance: Allowance, now: number): number {
  if (allowance.perSecond === Number.POSITIVE_INFINITY) return 0
  refill(allowance, now)
  return allowance.tokens >= 1 ? 0 : ((1 - allowance.tokens) / allowance.perSecond) * 1000
}

/** Takes one call off. */
export function spend(allowance: Allowance): void {
  allowance.tokens--
}

function refill(allowance: Allowance, now: number): void {
  const gained = ((now - allowance.filledAt) / 1000) * allowance.perSecond
  allowance.tokens = Math.min(Math.max(1, allowance.perSecond), allowance.tokens + gained)
  allowance.filledAt = now
}
