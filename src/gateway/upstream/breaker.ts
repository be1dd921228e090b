/** When a breaker opens and for how long. */
export interface BreakerRule {
  readonly failureRatio: number
  readonly minimumCalls: number
  readonly openMs: number
}

const slices = 10
const sliceMs = 1000

/** A rolling window of ten seconds, and what follows from it. */
export interface BreakerState {
  phase: 'closed' | 'open' | 'trial'
  openedAt: number
  readonly ends: Float64Array
  readonly failures: Float64Array
  slice: number
}

/** A closed breaker with an empty window. */
export function newBreaker(): BreakerState {
  return { phase: 'closed', openedAt: 0, ends: new Float64Array(slices), failures: new Float64Array(slices), slice: 0 }
}

/** Whether an attempt may pass: always when closed; when open, one trial after `openMs`. */
export function letsThrough(breaker: BreakerState, rule: BreakerRule, now: number): boolean {
  if (breaker.phase === 'closed') return true
  return breaker.phase === 'open' && now - breaker.openedAt >= rule.openMs
}

/** Notes that an attempt begins: the first one through an open breaker is its trial. */
export function noteBegin(breaker: BreakerState, rule: BreakerRule, now: number): void {
  if (breaker.phase === 'open' && letsThrough(breaker, rule, now)) breaker.phase = 'trial'
}

/**
 * Notes how an attempt ended; opens or closes the breaker. Returns true when the phase changed.
 *
 * @param mayOpen false while other calls are answered well: then the failures may be one client's own doing
 */
export function noteEnd(
  breaker: BreakerState,
  rule: BreakerRule,
  failed: boolean,
  now: number,
  mayOpen = true,
): boolean {
  const before = breaker.phase
  if (breaker.phase === 'trial') settleTrial(breaker, failed, now)
  else if (breaker.phase === 'closed') count(breaker, rule, failed, now, mayOpen)
  return breaker.phase !== before
}

/** Share of failed attempts in the window, 0 when it is empty. */
export function failureShare(breaker: BreakerState, now: number): number {
  advance(breaker, now)
  const ended = sum(breaker.ends)
  return ended === 0 ? 0 : sum(breaker.failures) / ended
}

function settleTrial(breaker: BreakerState, failed: boolean, now: number): void {
  breaker.phase = failed ? 'open' : 'closed'
  breaker.openedAt = now
  breaker.ends.fill(0)
  breaker.failures.fill(0)
}

function count(breaker: BreakerState, rule: BreakerRule, failed: boolean, now: number, mayOpen: boolean): void {
  advance(breaker, now)
  const at = breaker.slice % slices
  breaker.ends[at]!++
  if (!failed) return
  breaker.failures[at]!++
  if (!mayOpen) return
  const ended = sum(breaker.ends)
  if (ended < rule.minimumCalls || sum(breaker.failures) / ended < rule.failureRatio) return
  breaker.phase = 'open'
  breaker.openedAt = now
}

function advance(breaker: BreakerState, now: number): void {
  const slice = Math.floor(now / sliceMs)
  if (slice - breaker.slice >= slices) {
    breaker.ends.fill(0)
    breaker.failures.fill(0)
  } else {
    for (let at = breaker.slice + 1; at <= slice; at++) {
      breaker.ends[at % slices] = 0
      breaker.failures[at % slices] = 0
    }
  }
  breaker.slice = slice
}

function sum(values: Float64Array): number {
  let total = 0
  for (let at = 0; at < values.length; at++) total += values[at]!
  return total
}
