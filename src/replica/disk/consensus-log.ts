import { decodeCheckpoint } from '../../consensus/checkpoint-codec.ts'
import { retentionOf } from '../../consensus/commit.ts'
import { decodeCommit } from '../../consensus/commit-codec.ts'
import type { Committee } from '../../consensus/committee.ts'
import type { Checkpoint, LogRecord, Retention } from '../../consensus/types.ts'
import { DrawbridgeError } from '../../core/errors.ts'
import type { Disk } from '../seams.ts'
import { History } from './history.ts'
import { decodeHead, decodeRecord, encodeRecord, isBlockTag, recordTag } from './record-codec.ts'
import {
  decodeSegmentHead,
  emptySummary,
  encodeSegmentHead,
  isNeeded,
  noteBlock,
  noteCommit,
  type SegmentHead,
  type SegmentSummary,
  toldSince,
} from './segment-summary.ts'
import { Wal } from './wal.ts'

/** What a log gives to a new process. */
export interface Recovered {
  /** The last checkpoint, if there is one. */
  readonly checkpoint: Checkpoint | undefined
  /** All records that matter since, in order. May be iterated more than once. */
  readonly records: Iterable<LogRecord>
  /** There was nothing: a first start, or a lost disk. */
  readonly empty: boolean
  /** Bytes cut off: a tail that a crash tore, or damage. What was cut may have been relied upon only if damaged. */
  readonly cutBytes: number
}

/** Settings of a log. */
export interface ConsensusLogOptions {
  readonly disk: Disk
  readonly committee: Committee
  readonly own: number
  readonly gcDepth: number
  readonly segmentBytes: number
  readonly retainBytes: number
}

/** Gathered bytes that are handed to the disk without waiting for a sync. */
const flushAtBytes = 1024 * 1024

/**
 * The records of one validator on its disk. Segments begin with summaries of older ones, so that a start reads a few heads
 * and what recovery needs, however long the history is that is kept for peers.
 */
export class ConsensusLog {
  readonly history: History
  readonly #options: ConsensusLogOptions
  readonly #disk: Disk
  readonly #wal: Wal
  readonly #summaries: SegmentSummary[] = []
  #current: SegmentSummary | undefined
  #headBytes = 0

  constructor(options: ConsensusLogOptions) {
    this.#options = options
    this.#disk = options.disk
    this.#wal = new Wal(options.disk, options.segmentBytes)
    this.history = new History(this.#wal, this.#summaries, options.committee)
  }

  /**
   * Reads the log, cuts what a crash tore, and tells what is in it. Call it once, before anything is appended.
   * @throws DrawbridgeError `WAL_OF_ANOTHER_VALIDATOR`, `WAL_DAMAGED`.
   */
  recover(): Recovered {
    let cutBytes = this.#dropHeadless()
    for (let torn = this.#load(); torn > 0; torn = this.#load()) cutBytes += torn + this.#dropHeadless()
    const needed = this.#needed()
    const { committee } = this.#options
    const wal = this.#wal
    const records = { [Symbol.iterator]: () => recordsOf(wal, needed, committee) }
    return { checkpoint: this.#lastCheckpoint(needed), records, empty: this.#summaries.length === 0, cutBytes }
  }

  /** Adds records in order. They are on disk after the next {@link ConsensusLog.sync}. */
  append(records: readonly LogRecord[]): void {
    for (const record of records) {
      const { tag, parts } = encodeRecord(record)
      const length = parts.reduce((sum, part) => sum + part.length, 0)
      noteRecord(this.#room(length), record)
      this.#wal.append(tag, ...parts)
    }
    if (this.#wal.pendingBytes > flushAtBytes) this.#wal.flush()
  }

  /** Calls `done` once everything appended so far survives a crash. */
  sync(done: (error?: Error) => void): void {
    this.#wal.sync(done)
  }

  /**
   * Removes the oldest segments while the log is over its size, as far as nobody needs them.
   *
   * @param acknowledged the last commit that the consumer holds
   */
  collect(acknowledged: number): void {
    let bytes = this.#summaries.reduce((sum, { segment }) => sum + this.#wal.sizeOf(segment), 0)
    while (bytes > this.#options.retainBytes) {
      const oldest = this.#summaries[0]
      if (oldest === undefined || oldest === this.#current || !this.#isSpare(oldest, acknowledged)) return
      bytes -= this.#wal.sizeOf(oldest.segment)
      this.#wal.drop(oldest.segment)
      this.#summaries.shift()
    }
  }

  /** Lets go of the disk; what was synced stays. */
  close(done: () => void): void {
    this.#wal.flush()
    this.#disk.close(done)
  }

  #isSpare(summary: SegmentSummary, acknowledged: number): boolean {
    const retention = this.#retention()
    if (retention === undefined || isNeeded(summary, retention) || summary.lastCommit > acknowledged) return false
    // The consumer still wants the blocks of the next commit, which reach back gcDepth rounds.
    const holder = this.#summaries.find(({ lastCommit }) => lastCommit > acknowledged)
    const round = holder === undefined ? retention.round : holder.firstLeaderRound - this.#options.gcDepth - 1
    return summary.maxRound < round
  }

  #retention(): Retention | undefined {
    return this.#summaries.findLast(({ retention }) => retention !== undefined)?.retention
  }

  /** The segment that takes an entry of `length` bytes. */
  #room(length: number): SegmentSummary {
    const full = this.#wal.offset > this.#headBytes && !this.#wal.fits(length)
    if (full) this.#wal.roll()
    if (this.#current === undefined || full) this.#current = this.#begin()
    return this.#current
  }

  #begin(): SegmentSummary {
    const { committee, own } = this.#options
    const since = toldSince(this.#wal.segment)
    const first = this.#summaries.findLastIndex(({ segment }) => segment < since) + 1
    const older = this.#summaries.slice(first)
    this.#wal.append(
      recordTag.head,
      encodeSegmentHead({ committee: hex(committee.domain), authority: own, since, older }),
    )
    this.#headBytes = this.#wal.offset
    const summary = emptySummary(this.#wal.segment)
    this.#summaries.push(summary)
    return summary
  }

  /** A segment whose head is torn was begun when the process died; nothing in it was synced. */
  #dropHeadless(): number {
    let dropped = 0
    for (const segment of this.#wal.segments().toReversed()) {
      if (this.#wal.first(segment)?.tag === recordTag.head) break
      dropped += this.#wal.sizeOf(segment)
      this.#wal.drop(segment)
    }
    return dropped
  }

  /** Fills the summaries from the newest head; cuts at the first torn entry and gives the bytes cut. */
  #load(): number {
    this.#summaries.length = 0
    const segments = this.#wal.segments()
    const newest = segments.at(-1)
    if (newest === undefined) return 0
    this.#summaries.push(...this.#olderThan(newest, segments), emptySummary(newest))
    const torn = this.#cutAfterDamage(newest)
    if (torn > 0) return torn
    this.#summaries[this.#summaries.length - 1] = this.#summarise(newest)
    for (const { segment } of this.#needed()) {
      const cut = this.#cutAfterDamage(segment)
      if (cut > 0) return cut
    }
    return 0
  }

  /** Follows the heads from the newest down. Where one is gone or damaged, the segment itself is read instead. */
  #olderThan(newest: number, segments: readonly number[]): readonly SegmentSummary[] {
    const existing = new Set(segments)
    const found: SegmentSummary[][] = []
    for (let at: number | undefined = newest; at !== undefined; ) {
      const { since, older } = this.#tells(at)
      found.push(older.filter(({ segment }) => existing.has(segment)))
      const told: boolean = since < at && existing.has(since)
      const next: number | undefined = told ? since : segments.findLast((segment) => segment < since)
      if (next !== undefined && !told) found.push([this.#summarise(next)])
      at = next
    }
    return found.toReversed().flat()
  }

  #tells(segment: number): Pick<SegmentHead, 'since' | 'older'> {
    const isSound = this.#wal.first(segment)?.tag === recordTag.head
    return isSound ? this.#headOf(segment) : { since: segment, older: [] }
  }

  /** What follows a torn entry was written later, so it is no more reliable, in this segment and the next ones. */
  #cutAfterDamage(segment: number): number {
    const { soundBytes, tornBytes } = this.#wal.scan(segment, () => {})
    if (tornBytes === 0) return 0
    this.#wal.cut(segment, soundBytes)
    const later = this.#wal.segments().filter((other) => other > segment)
    const dropped = later.reduce((sum, other) => sum + this.#wal.sizeOf(other), 0)
    for (const other of later) this.#wal.drop(other)
    return tornBytes + dropped
  }

  #headOf(segment: number): SegmentHead {
    const head = decodeSegmentHead(this.#wal.first(segment)!.payload)
    const { committee, own } = this.#options
    if (head.committee === hex(committee.domain) && head.authority === own) return head
    throw new DrawbridgeError(
      'WAL_OF_ANOTHER_VALIDATOR',
      'The write-ahead log belongs to another validator or epoch.',
      {
        nextStep: 'Give every validator of every committee a folder of its own.',
      },
    )
  }

  #summarise(segment: number): SegmentSummary {
    const summary = emptySummary(segment)
    this.#wal.scan(segment, (tag, payload) => {
      if (isBlockTag(tag)) noteBlock(summary, decodeHead(payload).round)
      if (tag === recordTag.checkpoint) summary.retention = retentionOf(decodeCheckpoint(payload))
      if (tag !== recordTag.commit) return
      const { index, leader } = decodeCommit(payload).commit
      noteCommit(summary, index, leader.round)
    })
    return summary
  }

  /** The newest segments, from the first that recovery reads. */
  #needed(): readonly SegmentSummary[] {
    const retention = this.#retention()
    if (retention === undefined) return [...this.#summaries]
    const first = this.#summaries.findIndex((summary) => isNeeded(summary, retention))
    return first === -1 ? [] : this.#summaries.slice(first)
  }

  #lastCheckpoint(needed: readonly SegmentSummary[]): Checkpoint | undefined {
    const holder = needed.findLast(({ retention }) => retention !== undefined)
    if (holder === undefined) return undefined
    let last: Uint8Array | undefined
    this.#wal.scan(holder.segment, (tag, payload) => {
      if (tag === recordTag.checkpoint) last = Uint8Array.from(payload)
    })
    return last === undefined ? undefined : decodeCheckpoint(last)
  }
}

function noteRecord(summary: SegmentSummary, record: LogRecord): void {
  if (record.type === 'block' || record.type === 'voter') noteBlock(summary, record.block.ref.round)
  else if (record.type === 'commit') noteCommit(summary, record.sealed.ref.index, record.sealed.commit.leader.round)
  else if (record.type === 'checkpoint') summary.retention = retentionOf(record.checkpoint)
}

function* recordsOf(wal: Wal, segments: readonly SegmentSummary[], committee: Committee): Generator<LogRecord> {
  for (const { segment } of segments) {
    const entries: { tag: number; payload: Uint8Array }[] = []
    wal.scan(segment, (tag, payload) => entries.push({ tag, payload }))
    for (const { tag, payload } of entries) {
      const record = decodeRecord(tag, payload, committee)
      if (record !== undefined) yield record
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
