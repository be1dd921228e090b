import type { UpstreamState } from './state.ts'

/** Steps of its own pace that an upstream must miss to have stopped. */
const missedSteps = 4

/** Blocks by which a single upstream may be ahead of all others and still be believed. */
export function believableLead(maxLag: number): number {
  return 2 * maxLag + 2
}

/**
 * The number that the network has reached: the highest that two upstreams have, or that one has when it is alone, only
 * a few blocks ahead, or alive while the next one has stopped. A node that claims 10¹² makes nobody else lag.
 *
 * @param candidates upstreams that are fit to answer, whatever their height
 */
export function networkHead(candidates: readonly UpstreamState[], maxLag: number): number {
  let first: UpstreamState | undefined
  let second: UpstreamState | undefined
  for (const upstream of candidates) {
    if (first === undefined || upstream.head > first.head) {
      second = first
      first = upstream
    } else if (second === undefined || upstream.head > second.head) second = upstream
  }
  if (first === undefined) return -1
  if (second === undefined || first.head - second.head <= believableLead(maxLag)) return first.head
  return hasStoppedBeside(second, first) ? first.head : second.head
}

/** Upstreams whose heights count: those in service once one of them is known to live, otherwise every newcomer too. */
export function witnesses(fit: readonly UpstreamState[]): readonly UpstreamState[] {
  const serving = fit.filter((upstream) => upstream.eligible)
  if (serving.some(isAlive)) return serving
  const notLeftBehind = fit.filter((upstream) => upstream.eligible || upstream.out?.why !== 'lagging')
  return notLeftBehind.length > 0 ? notLeftBehind : fit
}

/** Notes a height that a probe has read. */
export function noteHead(upstream: UpstreamState, head: number, maxLag: number, now: number): void {
  const step = head - upstream.head
  if (upstream.head >= 0 && step > 0 && step <= believableLead(maxLag)) {
    upstream.advanceBeforeAt = upstream.lastAdvanceAt
    upstream.lastAdvanceAt = now
  }
  upstream.head = head
  upstream.told = -1
}

function isAlive(upstream: UpstreamState): boolean {
  return upstream.advanceBeforeAt > Number.NEGATIVE_INFINITY
}

/** The other has made two steps meanwhile, and this one, when its own pace is known, has missed several. */
function hasStoppedBeside(stopped: UpstreamState, moving: UpstreamState): boolean {
  if (stopped.lastAdvanceAt >= moving.advanceBeforeAt) return false
  // Otherwise a far claim that counts up faster than the chain would outlive everyone between two blocks.
  const pace = stopped.lastAdvanceAt - stopped.advanceBeforeAt
  return !Number.isFinite(pace) || moving.lastAdvanceAt - stopped.lastAdvanceAt > missedSteps * pace
}
