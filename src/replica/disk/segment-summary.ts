import type { Retention } from '../../consensus/types.ts'
import { DrawbridgeError } from '../../core/errors.ts'

/** What one segment of the log holds, small enough to be repeated at the head of every later segment. */
export interface SegmentSummary {
  readonly segment: number
  /** Lowest and highest round of its blocks; 0 when it has none. */
  minRound: number
  maxRound: number
  /** First and last commit in it; 0 when it has none. */
  firstCommit: number
  lastCommit: number
  /** Round of the first commit's leader. */
  firstLeaderRound: number
  /** What the last checkpoint in it still needs; absent when it has none. */
  retention?: Retention | undefined
}

/** A segment without records. */
export function emptySummary(segment: number): SegmentSummary {
  return { segment, minRound: 0, maxRound: 0, firstCommit: 0, lastCommit: 0, firstLeaderRound: 0 }
}

/** Adds a block of `round`. */
export function noteBlock(summary: SegmentSummary, round: number): void {
  summary.minRound = summary.minRound === 0 ? round : Math.min(summary.minRound, round)
  summary.maxRound = Math.max(summary.maxRound, round)
}

/** Adds a commit. */
export function noteCommit(summary: SegmentSummary, index: number, leaderRound: number): void {
  if (summary.firstCommit === 0) {
    summary.firstCommit = index
    summary.firstLeaderRound = leaderRound
  }
  summary.lastCommit = index
}

/** Whether a recovery that begins at `retention` reads this segment. */
export function isNeeded(summary: SegmentSummary, retention: Retention): boolean {
  return summary.maxRound > retention.round || summary.lastCommit >= retention.commitIndex
}

/** The first entry of a segment: whose log it is, and what the older segments hold. */
export interface SegmentHead {
  /** Hex of the committee's domain. */
  readonly committee: string
  readonly authority: number
  readonly older: readonly SegmentSummary[]
}

const version = 1

/** JSON: read only at the start, and a person can read it too. */
export function encodeSegmentHead(head: SegmentHead): Uint8Array {
  return Buffer.from(JSON.stringify({ version, ...head }))
}

/** @throws DrawbridgeError `WAL_DAMAGED` for a head of another version. */
export function decodeSegmentHead(payload: Uint8Array): SegmentHead {
  const head = JSON.parse(Buffer.from(payload).toString()) as SegmentHead & { version: number }
  if (head.version === version) return head
  throw new DrawbridgeError('WAL_DAMAGED', `The write-ahead log has version ${head.version}, not ${version}.`, {
    nextStep: 'Run the version of Drawbridge that wrote it.',
  })
}
