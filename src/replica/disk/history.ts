import { decodeCommit } from '../../consensus/commit-codec.ts'
import type { Committee } from '../../consensus/committee.ts'
import { rejectedOf, subDagOf } from '../../consensus/sub-dag.ts'
import type { BlockRef, CommitRef, CommittedSubDag, SealedCommit, SignedBlock } from '../../consensus/types.ts'
import { votesFor } from '../../consensus/verify-commits.ts'
import { InvariantError } from '../../core/errors.ts'
import { decodeBlockOf, decodeHead, isBlockTag, recordTag } from './record-codec.ts'
import type { SegmentSummary } from './segment-summary.ts'
import type { Wal, WalPosition } from './wal.ts'

interface Voter {
  readonly from: number
  readonly to: number
  readonly author: number
  readonly position: WalPosition
}

/** Where the records of one segment lie. Made when somebody asks, extended as the segment grows. */
interface SegmentIndex {
  readonly segment: number
  scannedBytes: number
  readonly commits: Map<number, WalPosition>
  readonly blocks: Map<string, WalPosition>
  readonly voters: Voter[]
}

/** Indexed segments kept: a lagging peer reads one after the other. */
const keptIndices = 3
/** Where blocks are large, a quorum's votes lie in many segments: more are kept, up to this number of entries. */
const keptEntries = 10_000
/** Blocks of one author that are read in search of its vote: a cheat may claim to vote for everything. */
const maxTries = 20
/** Rounds above a commit's leader after which a later leader makes its rejections final. */
const rejectionRounds = 3

/** Rounds after a commit within which a quorum has voted for it. */
const voteRounds = 10

/** Limits how many segments one question may open: a peer that asks for nonsense must not keep the disk busy. */
export interface ScanBudget {
  left: number
}

/**
 * Reads old commits and blocks back from the log: for the consumer after a restart, and for peers that lag. Nothing is
 * held in memory for it while nobody asks.
 */
export class History {
  readonly #wal: Wal
  readonly #summaries: readonly SegmentSummary[]
  readonly #committee: Committee
  #indices: SegmentIndex[] = []
  #used = false

  constructor(wal: Wal, summaries: readonly SegmentSummary[], committee: Committee) {
    this.#wal = wal
    this.#summaries = summaries
    this.#committee = committee
  }

  /** The oldest commit that is kept; 0 when there is none. */
  get firstCommit(): number {
    return this.#summaries.find(({ firstCommit }) => firstCommit > 0)?.firstCommit ?? 0
  }

  /** A commit, or undefined when it is not kept. */
  commit(index: number, budget: ScanBudget = unlimited()): SealedCommit | undefined {
    for (const summary of this.#summaries) {
      if (index < summary.firstCommit || index > summary.lastCommit) continue
      const position = this.#indexOf(summary.segment, budget)?.commits.get(index)
      if (position !== undefined) return decodeCommit(Uint8Array.from(this.#wal.read(position)))
    }
    return undefined
  }

  /** Digest of a commit, also when only the next one is kept, which names it. */
  digestOf(index: number): string | undefined {
    return this.commit(index)?.ref.digest ?? this.commit(index + 1)?.commit.previousDigest
  }

  /** A block, or undefined when it is not kept, or the budget for looking is spent. */
  block({ round, digest }: BlockRef, budget: ScanBudget = unlimited()): SignedBlock | undefined {
    for (let at = this.#summaries.length - 1; at >= 0; at--) {
      const { segment, minRound, maxRound } = this.#summaries[at]!
      if (round < minRound || round > maxRound) continue
      const position = this.#indexOf(segment, budget)?.blocks.get(digest)
      if (position !== undefined) return decodeBlockOf(this.#wal.read(position), this.#committee)
    }
    return undefined
  }

  /**
   * Blocks of different authors that vote for a commit, up to a quorum; undefined when there is none.
   *
   * @param mayShow leaves out what is in the log but not synced, and must not leave yet
   * @param known authors whose votes whoever asks has already
   */
  voters(
    commit: CommitRef,
    budget: ScanBudget = unlimited(),
    mayShow: (block: SignedBlock) => boolean = () => true,
    known: readonly number[] = [],
  ): readonly SignedBlock[] | undefined {
    const found = new Map<number, SignedBlock>()
    const tried = new Map(known.map((author) => [author, maxTries]))
    let stake = [...tried.keys()].reduce((sum, author) => sum + this.#committee.stake(author), 0)
    if (stake >= this.#committee.quorum) return []
    for (const { author, position } of this.#candidates(commit.index, budget)) {
      const tries = tried.get(author) ?? 0
      if (found.has(author) || tries >= maxTries) continue
      tried.set(author, tries + 1)
      const block = decodeBlockOf(this.#wal.read(position), this.#committee)
      if (!votesFor(block.block, commit) || !mayShow(block)) continue
      found.set(author, block)
      stake += this.#committee.stake(author)
      if (stake >= this.#committee.quorum) return [...found.values()]
    }
    return undefined
  }

  *#candidates(index: number, budget: ScanBudget): Generator<Voter> {
    for (const segment of this.#near(index)) {
      for (const voter of this.#indexOf(segment, budget)?.voters ?? []) {
        if (index >= voter.from && index <= voter.to) yield voter
      }
    }
  }

  /**
   * A sub-DAG as it was, or should have been, delivered; undefined when it is not kept any more.
   * @throws InvariantError when the commit is there and a block of it is not.
   */
  subDag(index: number, transactionVoting: boolean): CommittedSubDag | undefined {
    const sealed = this.commit(index)
    if (sealed === undefined) return undefined
    const blocks = sealed.commit.blocks.map((ref) => {
      const block = this.block(ref)
      if (block === undefined) throw new InvariantError('The log lacks a block of a commit.', { index, ref })
      return block
    })
    return subDagOf(sealed, blocks, transactionVoting ? rejectedOf(sealed, this.#closing(sealed)) : [])
  }

  /** Forgets indices that were not used since the last call. Call it now and then. */
  rest(): void {
    if (!this.#used) this.#indices = []
    this.#used = false
  }

  /** The commits that may say what was rejected in `sealed`. */
  *#closing(sealed: SealedCommit): Generator<SealedCommit> {
    for (let index = sealed.ref.index + 1; ; index++) {
      const later = this.commit(index)
      if (later === undefined) return
      yield later
      if (later.commit.leader.round >= sealed.commit.leader.round + rejectionRounds) return
    }
  }

  /** Votes lie within a few rounds of the commit itself: mostly in its own segment, in several where blocks are large. */
  #near(index: number): readonly number[] {
    const at = this.#summaries.findIndex(({ firstCommit, lastCommit }) => firstCommit <= index && index <= lastCommit)
    if (at === -1) return []
    const { maxRound, firstLeaderRound } = this.#summaries[at]!
    const lastRound = Math.max(maxRound, firstLeaderRound) + voteRounds
    const after = this.#summaries.slice(at).filter(({ minRound }) => minRound <= lastRound)
    return [...after, ...this.#summaries.slice(Math.max(0, at - 1), at)].map(({ segment }) => segment)
  }

  #indexOf(segment: number, budget: ScanBudget): SegmentIndex | undefined {
    this.#used = true
    const known = this.#indices.find((index) => index.segment === segment)
    if (known !== undefined) return this.#extend(known)
    if (budget.left === 0) return undefined
    budget.left--
    const made = { segment, scannedBytes: 0, commits: new Map(), blocks: new Map(), voters: [] }
    this.#extend(made)
    this.#keep(made)
    return made
  }

  #keep(made: SegmentIndex): void {
    let entries = 0
    this.#indices = [made, ...this.#indices].filter(({ blocks }, at) => {
      entries += blocks.size
      return at < keptIndices || entries <= keptEntries
    })
  }

  #extend(index: SegmentIndex): SegmentIndex {
    if (index.segment === this.#wal.segment) this.#wal.flush()
    if (this.#wal.sizeOf(index.segment) === index.scannedBytes) return index
    const add = (tag: number, payload: Uint8Array, position: WalPosition): void => place(index, tag, payload, position)
    index.scannedBytes = this.#wal.scan(index.segment, add, index.scannedBytes).soundBytes
    return index
  }
}

function place(index: SegmentIndex, tag: number, payload: Uint8Array, position: WalPosition): void {
  if (tag === recordTag.commit) index.commits.set(decodeCommit(payload).ref.index, position)
  if (!isBlockTag(tag)) return
  const { digest, author, votes } = decodeHead(payload)
  index.blocks.set(digest, position)
  if (votes.to > 0) index.voters.push({ ...votes, author, position })
}

function unlimited(): ScanBudget {
  return { left: Number.POSITIVE_INFINITY }
}
