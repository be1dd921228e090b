import type { Retention } from '../../consensus/types.ts'
import { DrawbridgeError } from '../../core/errors.ts'

/** What one segment of the log holds, small enough to be repeated at the heads of a few later segments. */
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

/** The first entry of a segment: whose log it is, and what some of the older segments hold. */
export interface SegmentHead {
  /** Hex of the committee's domain. */
  readonly committee: string
  readonly authority: number
  /** The lowest segment that `older` tells of. The head of that one tells of those before it. */
  readonly since: number
  /** All segments from `since` on. */
  readonly older: readonly SegmentSummary[]
}

const version = 2

/**
 * From which segment on the head of `segment` tells of the older ones: as many as its number's lowest bit says. Following
 * `since` from the newest head, all are known after log₂ n heads, and each summary is written log₂ n times at most.
 */
export function toldSince(segment: number): number {
  return segment - (segment & -segment)
}

/** JSON: read only at the start, and a person can read it too. */
export function encodeSegmentHead(head: SegmentHead): Uint8Array {
  return Buffer.from(JSON.stringify({ version, ...head }))
}

/** @throws DrawbridgeError `WAL_DAMAGED` for a head of another version. */
export function decodeSegmentHead(payload: Uint8Array): SegmentHead {
  const head = JSON.parse(Buffer.from(payload).toString()) as SegmentHead & { version: number }
  if (head.version === version) return head
  // Of the first version each head told of all.
  if (head.version === 1) return { ...head, since: 0 }
  throw new DrawbridgeError('WAL_DAMAGED', `The write-ahead log has version ${head.version}, not ${version}.`, {
    nextStep: 'Run the version of Drawbridge that wrote it.',
  })
}
