import { decodeSignedBlock, MalformedBlock } from '../../consensus/block-codec.ts'
import type { BlockLimits } from '../../consensus/block-limits.ts'
import { decodeCommit, MalformedCommit } from '../../consensus/commit-codec.ts'
import type { Committee } from '../../consensus/committee.ts'
import type {
  AuthorityIndex,
  BlockRef,
  CertifiedCommit,
  CommitRef,
  SealedCommit,
  SignedBlock,
} from '../../consensus/types.ts'
import { verifyCommits } from '../../consensus/verify-commits.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { ownMemory } from '../own-memory.ts'
import type { ReplicaParameters } from '../parameters.ts'
import {
  decodeCommitsReply,
  decodeList,
  encodeFetchBlocks,
  encodeFetchCommits,
  MalformedMessage,
  method,
} from '../peers/messages.ts'
import type { PeerQuestions } from '../peers/peers.ts'

/** What commit sync needs. */
export interface CommitSyncSeams {
  readonly committee: Committee
  /** Lists of a block are not unpacked beyond these. */
  readonly limits: BlockLimits
  readonly clock: Clock
  readonly log: Log
  readonly peers: PeerQuestions
  readonly parameters: ReplicaParameters
  /** Our last commit, and the highest that a quorum has voted for. */
  readonly position: () => { readonly lastCommit: CommitRef; readonly quorumCommitIndex: number }
  /** An accepted block that is in memory. */
  readonly known: (ref: BlockRef) => SignedBlock | undefined
  /** Checks voters: rules and signatures. */
  readonly check: (
    from: AuthorityIndex,
    items: readonly Uint8Array[],
    done: (blocks: readonly SignedBlock[]) => void,
  ) => void
  /** Blocks that prove the last of some fetched commits. */
  readonly onVoters?: (voters: readonly SignedBlock[]) => void
  readonly onCommits: (commits: readonly CertifiedCommit[]) => void
  readonly onMalformed: (from: AuthorityIndex) => void
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
    const { peers, parameters, position } = this.#seams
    const { lastCommit, quorumCommitIndex } = position()
    const previous = this.#queue.at(-1)?.ref ?? lastCommit
    const full = this.#queue.length > batchesAhead * parameters.commitSyncBatch
    if (this.#fetchingRange || full || !this.#isDue(previous, quorumCommitIndex)) return
    const peer = this.#pick()
    if (peer === undefined) return
    this.#fetchingRange = true
    const to = Math.min(previous.index + parameters.commitSyncBatch, quorumCommitIndex)
    const body = encodeFetchCommits({ from: previous.index + 1, to })
    peers.ask(peer, method.fetchCommits, body, parameters.fetchTimeoutMs * timeoutFactor, (answer) => {
      this.#takeRange(peer, previous, answer)
    })
  }

  #pick(): AuthorityIndex | undefined {
    const { peers, committee } = this.#seams
    return peers.pick(committee.size).find((peer) => !this.#useless.has(peer))
  }

  #takeRange(peer: AuthorityIndex, previous: CommitRef, answer: Uint8Array | undefined): void {
    const reply = answer === undefined ? undefined : this.#readRange(peer, answer)
    if (reply === undefined || reply.commits.length === 0) {
      this.#rangeFailed(peer)
      return
    }
    this.#seams.check(peer, reply.voters, (voters) => {
      const fault = verifyCommits(this.#seams.committee, previous, reply.commits, voters)
      if (fault === undefined) this.#addRange(previous, reply.commits, voters)
      else this.#blame(peer, fault)
    })
  }

  #addRange(previous: CommitRef, commits: readonly SealedCommit[], voters: readonly SignedBlock[]): void {
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

  #blame(peer: AuthorityIndex, fault: string): void {
    this.#seams.log.warn({ peer, fault }, 'a peer sent commits that are not proven')
    this.#seams.onMalformed(peer)
    this.#rangeFailed(peer)
  }

  #readRange(
    peer: AuthorityIndex,
    answer: Uint8Array,
  ): { readonly commits: readonly SealedCommit[]; readonly voters: readonly Uint8Array[] } | undefined {
    try {
      const { parameters, committee } = this.#seams
      const { commits, voters } = decodeCommitsReply(answer, parameters.commitSyncBatch, committee.size)
      return { commits: commits.map((bytes) => decodeCommit(Uint8Array.from(bytes))), voters }
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof MalformedCommit)) throw error
      this.#seams.log.warn({ peer, error: messageOf(error) }, 'a peer sent commits that cannot be read')
      this.#seams.onMalformed(peer)
      return undefined
    }
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
      this.#fetches--
      for (const { digest } of refs) this.#asked.delete(digest)
      const got = answer === undefined ? 0 : this.#keep(peer, refs, answer)
      if (got === 0) this.#useless.add(peer)
      this.#goOn()
    })
  }

  /** Keeps the blocks that were asked for; the commits have proven their digests. */
  #keep(peer: AuthorityIndex, refs: readonly BlockRef[], answer: Uint8Array): number {
    const wanted = new Set(refs.map(({ digest }) => digest))
    let got = 0
    try {
      for (const bytes of decodeList(answer, refs.length)) {
        const block = decodeSignedBlock(ownMemory(bytes), this.#seams.committee, this.#seams.limits)
        if (!wanted.delete(block.ref.digest)) continue
        got++
        // The live protocol brought it meanwhile, and nothing would let it go here.
        if (this.#blockOf(block.ref) !== undefined) continue
        this.#blocks.set(block.ref.digest, block)
        this.#heldBytes += bytes.length
      }
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof MalformedBlock)) throw error
      this.#seams.onMalformed(peer)
    }
    return got
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
