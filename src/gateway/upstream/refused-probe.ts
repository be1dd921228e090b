import type { ErrorClass } from '../../rpc/error-classes.ts'
import { noteFailure } from './health.ts'
import { firstPauseMs, longestPauseMs } from './rests.ts'
import type { NetworkState, UpstreamState } from './state.ts'

/** A refused key or a spent plan is believed this long, unless a probe is answered well before. */
const cordonMs = 600_000

/** What an upstream said to a probe of ours instead of an answer. */
export interface ProbeRefusal {
  readonly class: ErrorClass
  readonly retryAfterMs: number | undefined
}

/**
 * Notes a probe that was refused. Nobody but us has written it, so what it is told is about the upstream: it is believed,
 * whatever clients are told meanwhile.
 */
export function noteRefusedProbe(
  network: NetworkState,
  upstream: UpstreamState,
  detail: string,
  refusal: ProbeRefusal,
  now: number,
): void {
  if (refusal.class === 'RATE') {
    upstream.lastError = detail
    // A limit takes nobody out, but while it lasts what clients are told is not to be trusted either.
    upstream.refusedProbes = Math.max(1, upstream.refusedProbes)
    pause(upstream, refusal.retryAfterMs, now)
    return
  }
  noteFailure(network, upstream, detail)
  upstream.refusedProbes++
  if (upstream.refusedProbes >= network.maxFailures) upstream.down = true
  // Where clients bring their own keys, a probe without one says nothing about theirs.
  if (upstream.options.passHeaders.length > 0) return
  if (refusal.class === 'AUTH') cordon(upstream, 'it refuses our key', now)
  else if (refusal.class === 'BILL') cordon(upstream, 'its plan is spent', now)
}

function cordon(upstream: UpstreamState, reason: string, now: number): void {
  upstream.cordonedUntil = now + cordonMs
  upstream.cordonReason = reason
}

function pause(upstream: UpstreamState, askedMs: number | undefined, now: number): void {
  if (upstream.pausedUntil > now) return
  const again = now - upstream.pausedUntil < 2 * upstream.pauseMs
  upstream.pauseMs = again ? Math.min(longestPauseMs, upstream.pauseMs * 2) : firstPauseMs
  upstream.pausedUntil = now + Math.min(longestPauseMs, askedMs ?? upstream.pauseMs)
}
