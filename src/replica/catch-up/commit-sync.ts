import { decodeSignedBlock, MalformedBlock } from '../../consensus/block-codec.ts'
import type { BlockLimits } from '../../consensus/block-limits.ts'
import type {
  AuthorityIndex,
  BlockRef,
  CertifiedCommit,
  CommitRef,
  SealedCommit,
  SignedBlock,
} from '../../consensus/types.ts'
import type { Timer } from '../../core/clock.ts'
import { ownMemory } from '../own-memory.ts'
import { decodeList, encodeFetchBlocks, MalformedMessage, method } from '../peers/messages.ts'
import { inSlices } from '../slices.ts'
import { CommitProofs, type CommitProofsSeams, type ProvenCommits } from './commit-proofs.ts'

/** What commit sync needs. */
export interface CommitSyncSeams extends CommitProofsSeams {
  /** Lists of a block are not unpacked beyond these. */
  readonly limits: BlockLimits
  /** Our last commit, and the highest that a quorum has voted for. */
  readonly position: () => { readonly lastCommit: CommitRef; readonly quorumCommitIndex: number }
  /** An accepted block that is in memory. */
  readonly known: (ref: BlockRef) => SignedBlock | undefined
  /** Blocks that prove the last of some fetched commits. */
  readonly onVoters?: (voters: readonly SignedBlock[]) => void
  readonly onCommits: (commits: readonly CertifiedCommit[]) => void
  /** Bytes fetched and not applied yet, before no more is asked for than the next commit needs; 16 MiB when absent. */
  readonly maxHeldBytes?: number
}

/** Fetches of blocks under way at once. */
const parallelFetches = 4
const defaultHeldBytes = 16 * 1024 * 1024
/** Commits whose blocks are fetched at the same time. */
const openCommits = 32
/** Proven commits that wait for their blocks, in batches. */
const batchesAhead = 4
/** Looks without a new commit after which even a small lag is closed by commit sync. */
const stuckLooks = 3
const timeoutFactor = 2.5

/**
 * Brings a validator that is far behind up to the committee: fetches commits in ranges, each proven by a quorum of
 * signed votes for its last commit and the chain of digests before it, then their blocks, whose digests the commits
 * name. The commit rule is not needed for them.
 */
export class CommitSync {
  readonly #seams: CommitSyncSeams
  readonly #proofs: CommitProofs
  /** Proven and not applied, in order. */
  #queue: SealedCommit[] = []
  readonly #blocks = new Map<string, SignedBlock>()
  readonly #asked = new Set<string>()
  #heldBytes = 0
  #fetches = 0
  #fetchingRange = false
  #timer: Timer | undefined
  #lastSeen = 0
  #looksWithoutCommit = 0
  /** Peers that lately had not what we need, or sent nonsense. */
  readonly #useless = new Set<AuthorityIndex>()
  #fetchedCommits = 0

  constructor(seams: CommitSyncSeams) {
    this.#seams = seams
    this.#proofs = new CommitProofs(seams)
  }

  /** Commits that came this way. */
  get fetchedCommits(): number {
    return this.#fetchedCommits
  }

  start(): void {
    const { clock, parameters } = this.#seams
    this.#timer = clock.after(parameters.commitSyncIntervalMs, () => {
      this.#look()
      this.start()
    })
  }

  stop(): void {
    this.#seams.clock.clear(this.#timer)
  }

  /** Takes commits that were proven elsewhere, if they go on where we end; their blocks are fetched. */
  offer(commits: readonly SealedCommit[]): void {
    const end = this.#queue.at(-1)?.ref ?? this.#seams.position().lastCommit
    const next = commits.filter(({ ref }) => ref.index > end.index)
    if (next[0]?.commit.previousDigest !== end.digest) return
    this.#queue.push(...next)
    this.#goOn()
  }

  #look(): void {
    const { lastCommit } = this.#seams.position()
    this.#looksWithoutCommit = lastCommit.index === this.#lastSeen ? this.#looksWithoutCommit + 1 : 0
    this.#lastSeen = lastCommit.index
    this.#useless.clear()
    this.#goOn()
  }

  #goOn(): void {
    this.#forgetApplied()
    this.#fetchRange()
    this.#fetchBlocks()
  }

  /** The live protocol may have caught up by itself meanwhile. */
  #forgetApplied(): void {
    const { index } = this.#seams.position().lastCommit
    while (this.#queue[0] !== undefined && this.#queue[0].ref.index <= index) this.#release(this.#queue.shift()!)
    if (this.#queue.length > 0) return
    this.#blocks.clear()
    this.#heldBytes = 0
  }

  #release(sealed: SealedCommit): void {
    for (const { digest } of sealed.commit.blocks) {
      this.#heldBytes -= this.#blocks.get(digest)?.bytes.length ?? 0
      this.#blocks.delete(digest)
    }
  }

  #isDue(previous: CommitRef, quorumCommitIndex: number): boolean {
    const lag = quorumCommitIndex - previous.index
    if (lag <= 0) return false
    return (
      this.#queue.length > 0 || lag >= this.#seams.parameters.commitSyncBatch || this.#looksWithoutCommit >= stuckLooks
    )
  }

  #fetchRange(): void {
    const { parameters, position } = this.#seams
    const { lastCommit, quorumCommitIndex } = position()
    const previous = this.#queue.at(-1)?.ref ?? lastCommit
    const full = this.#queue.length > batchesAhead * parameters.commitSyncBatch
    if (this.#fetchingRange || full || !this.#isDue(previous, quorumCommitIndex)) return
    const peer = this.#pick()
    if (peer === undefined) return
    this.#fetchingRange = true
    const to = Math.min(previous.index + parameters.commitSyncBatch, quorumCommitIndex)
    const timeoutMs = parameters.fetchTimeoutMs * timeoutFactor
    this.#proofs.ask({ peer, previous, to, timeoutMs }, (proven) => {
      if (proven === undefined) this.#rangeFailed(peer)
      else this.#addRange(previous, proven)
    })
  }

  #pick(): AuthorityIndex | undefined {
    const { peers, committee } = this.#seams
    return peers.pick(committee.size).find((peer) => !this.#useless.has(peer))
  }

  #addRange(previous: CommitRef, { commits, voters }: ProvenCommits): void {
    this.#fetchingRange = false
    this.#seams.onVoters?.(voters)
    const end = this.#queue.at(-1)?.ref ?? this.#seams.position().lastCommit
    // While the answer was on its way the live protocol may have gone past it.
    if (end.digest === previous.digest) this.#queue.push(...commits)
    this.#goOn()
  }

  #rangeFailed(peer: AuthorityIndex): void {
    this.#useless.add(peer)
    this.#fetchingRange = false
    this.#fetchRange()
  }

  #fetchBlocks(): void {
    this.#apply()
    while (this.#fetches < parallelFetches) {
      const refs = this.#wanted()
      const peer = this.#pick()
      if (refs.length === 0 || peer === undefined) return
      this.#askBlocks(peer, refs)
    }
  }

  /**
   * Blocks of the oldest commits that nobody is asked for yet. What the very next commit lacks is wanted however much is
   * held for later ones: nothing of that is let go before.
   */
  #wanted(): readonly BlockRef[] {
    const wanted: BlockRef[] = []
    const { maxHeldBytes = defaultHeldBytes } = this.#seams
    const commits = this.#heldBytes < maxHeldBytes ? openCommits : 1
    const limit = this.#seams.parameters.blocksPerFetch / parallelFetches
    for (const { commit } of this.#queue.slice(0, commits)) {
      for (const ref of commit.blocks) {
        if (wanted.length >= limit) return wanted
        if (!this.#asked.has(ref.digest) && this.#blockOf(ref) === undefined) wanted.push(ref)
      }
    }
    return wanted
  }

  #blockOf(ref: BlockRef): SignedBlock | undefined {
    return this.#blocks.get(ref.digest) ?? this.#seams.known(ref)
  }

  #askBlocks(peer: AuthorityIndex, refs: readonly BlockRef[]): void {
    const { peers, parameters } = this.#seams
    for (const { digest } of refs) this.#asked.add(digest)
    this.#fetches++
    const body = encodeFetchBlocks({ refs, accepted: [] })
    peers.ask(peer, method.fetchBlocks, body, parameters.fetchTimeoutMs * timeoutFactor, (answer) => {
      this.#keep(peer, refs, answer, (got) => {
        this.#fetches--
        for (const { digest } of refs) this.#asked.delete(digest)
        if (got === 0) this.#useless.add(peer)
        this.#goOn()
      })
    })
  }

  /** Keeps the blocks that were asked for; the commits have proven their digests. `done` is told how many came. */
  #keep(
    peer: AuthorityIndex,
    refs: readonly BlockRef[],
    answer: Uint8Array | undefined,
    done: (got: number) => void,
  ): void {
    const wanted = new Set(refs.map(({ digest }) => digest))
    const items = answer === undefined ? undefined : this.#read(peer, () => decodeList(answer, refs.length))
    const take = (bytes: Uint8Array): boolean => this.#keepOne(peer, wanted, bytes)
    inSlices(this.#seams.clock, items ?? [], take, () => done(refs.length - wanted.size))
  }

  /** False ends the answer: an honest peer sends nothing but what it was asked for, each block once. */
  #keepOne(peer: AuthorityIndex, wanted: Set<string>, bytes: Uint8Array): boolean {
    const { committee, limits, onMalformed } = this.#seams
    const block = this.#read(peer, () => decodeSignedBlock(ownMemory(bytes), committee, limits))
    if (block === undefined) return false
    if (!wanted.delete(block.ref.digest)) {
      onMalformed(peer)
      return false
    }
    // The live protocol brought it meanwhile, and nothing would let it go here.
    if (this.#blockOf(block.ref) !== undefined) return true
    this.#blocks.set(block.ref.digest, block)
    this.#heldBytes += bytes.length
    return true
  }

  #read<Result>(peer: AuthorityIndex, read: () => Result): Result | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof MalformedBlock)) throw error
      this.#seams.onMalformed(peer)
      return undefined
    }
  }

  /** Hands over the commits whose blocks are all here. */
  #apply(): void {
    const ready: CertifiedCommit[] = []
    for (const sealed of this.#queue) {
      const blocks = sealed.commit.blocks.flatMap((ref) => this.#blockOf(ref) ?? [])
      if (blocks.length < sealed.commit.blocks.length) break
      ready.push({ sealed, blocks })
    }
    if (ready.length === 0) return
    this.#queue.splice(0, ready.length)
    this.#fetchedCommits += ready.length
    this.#seams.onCommits(ready)
    for (const { sealed } of ready) this.#release(sealed)
  }
}
