import type { Attempt, AttemptTrouble } from './state.ts'

/** How far the answer to one attempt has come. Written by the pool and by the watch for silence. */
export interface Progress {
  /** When the answer began; undefined before. */
  heardAt: number | undefined
  /** The upstream had to be asked twice: it cut the first connection. */
  resent: boolean
  /** Bytes of the body so far, and the pieces in which they came. */
  bytes: number
  pieces: number
  /** How long the attempt may wait on its own, whatever becomes of others: {@link attemptPatience}. */
  patienceMs: number
  /** Moment of the last look at a moving answer, and the bytes there were. */
  lookedAt: number
  bytesThen: number
}

/** What is less than this is not progress, in bytes per second. */
export const leastRate = 4096
/** How often a moving answer is looked at, in milliseconds. */
export const windowMs = 250
/** So many pieces so small are a drip, however long the method may take: nobody computes an answer byte by byte. */
const dripPieces = 8
const dripBytes = 64

/** Progress of an attempt that begins. */
export function newProgress(): Progress {
  const patienceMs = Number.POSITIVE_INFINITY
  return { heardAt: undefined, resent: false, bytes: 0, pieces: 0, patienceMs, lookedAt: 0, bytesThen: 0 }
}

/** Moment at which the attempt has to be looked at; infinite when it has been found in trouble before. */
export function nextLook({ trouble, startedAt, progress }: Attempt): number {
  if (trouble !== undefined || progress.patienceMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
  if (progress.heardAt === undefined) return startedAt + progress.patienceMs
  if (progress.lookedAt === 0) return progress.heardAt + Math.min(windowMs, progress.patienceMs)
  return progress.lookedAt + windowMs
}

/** What is wrong with the attempt on its own account; notes the look where nothing is. */
export function troubleOf(attempt: Attempt, now: number): AttemptTrouble | undefined {
  if (nextLook(attempt) > now) return undefined
  const { progress } = attempt
  const { heardAt, patienceMs } = progress
  if (heardAt === undefined) return 'silent'
  const since = progress.lookedAt === 0 ? heardAt : progress.lookedAt
  const moved = progress.bytes - progress.bytesThen
  const moves = moved >= (leastRate * (now - since)) / 1000
  const still = now - heardAt >= patienceMs
  if (!moves && (still || isDrip(progress))) return 'stalled'
  progress.lookedAt = now
  progress.bytesThen = progress.bytes
  return undefined
}

function isDrip({ pieces, bytes }: Progress): boolean {
  return pieces >= dripPieces && bytes < pieces * dripBytes
}
