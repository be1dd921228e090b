import type { Committee } from '../../consensus/committee.ts'
import type { AuthorityIndex, BlockRef, Round, SealedCommit, SignedBlock } from '../../consensus/types.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { History, ScanBudget } from '../disk/history.ts'
import type { ReplicaParameters } from '../parameters.ts'
import {
  decodeAuthorities,
  decodeFetchBlocks,
  decodeFetchCommits,
  decodeFetchVoters,
  decodeRound,
  encodeBlockRefs,
  encodeCommitsReply,
  encodeLatestRounds,
  encodeList,
  type FetchCommits,
  type FetchVoters,
  type LatestRounds,
  MalformedMessage,
  type Message,
  maxExtraBlocks,
  maxHeldBlocks,
  method,
} from './messages.ts'

/** What answering needs. */
export interface AnswersSeams {
  readonly committee: Committee
  readonly parameters: ReplicaParameters
  readonly history: History
  readonly log: Log
  /** An accepted block in memory. */
  readonly blockInMemory: (ref: BlockRef) => SignedBlock | undefined
  /** All accepted blocks of this round and above are in memory. */
  readonly lowestRound: () => Round
  /** Whether a block may be shown: an own one only once it is safe on the disk, wherever it is found. */
  readonly mayShow: (block: SignedBlock) => boolean
  /** References of blocks in memory that may be shown, above a round, lowest first, at most `limit`. */
  readonly held: (above: Round, limit: number) => readonly BlockRef[]
  /** The last commit that a quorum has voted for. */
  readonly certifiedIndex: () => number
  readonly latestOf: (author: AuthorityIndex) => SignedBlock | undefined
  readonly latestRounds: () => LatestRounds
}

/** Segments one question may open. */
const segmentsPerAnswer = 2
/** Segments that one question may open in search of votes: with large blocks a round fills several. */
const segmentsOfVotes = 8
/** Commits tried as the end of a range: the newest have not got their votes yet. */
const maxEnds = 12

/** Answers the questions of peers, each within bounded work and bytes. */
export class Answers {
  readonly #seams: AnswersSeams

  constructor(seams: AnswersSeams) {
    this.#seams = seams
  }

  /**
   * The body of the answer, undefined to refuse: also when the history cannot be read, which is no reason to stop.
   * @throws MalformedMessage
   */
  answer(request: Message & { type: 'request' }): Uint8Array | undefined {
    try {
      return this.#answer(request)
    } catch (error) {
      if (error instanceof MalformedMessage) throw error
      this.#seams.log.error({ error: messageOf(error) }, 'the history in the log cannot be read')
      return undefined
    }
  }

  #answer({ method: asked, body }: Message & { type: 'request' }): Uint8Array | undefined {
    switch (asked) {
      case method.fetchBlocks:
        return this.#blocks(body)
      case method.fetchCommits:
        return this.#commits(decodeFetchCommits(body))
      case method.commitVoters:
        return this.#voters(decodeFetchVoters(body, this.#seams.committee.size))
      case method.latestBlocks:
        return this.#latestBlocks(decodeAuthorities(body, this.#seams.committee.size))
      case method.latestRounds:
        return encodeLatestRounds(this.#seams.latestRounds())
      case method.heldBlocks:
        return encodeBlockRefs(this.#seams.held(decodeRound(body), maxHeldBlocks))
    }
  }

  #blocks(body: Uint8Array): Uint8Array {
    const { parameters, committee } = this.#seams
    const { refs, accepted } = decodeFetchBlocks(body, parameters.blocksPerFetch, committee.size)
    const reply = new BlockReply(parameters.maxReplyBytes)
    const budget = { left: segmentsPerAnswer }
    for (const ref of refs) {
      const block = this.#find(ref, budget)
      if (block !== undefined && !reply.add(block)) return reply.body
    }
    if (accepted.length === committee.size) this.#addAncestors(reply, accepted)
    return reply.body
  }

  #find(ref: BlockRef, budget: ScanBudget): SignedBlock | undefined {
    const block = this.#seams.blockInMemory(ref) ?? this.#collected(ref, budget)
    return block !== undefined && this.#seams.mayShow(block) ? block : undefined
  }

  /** What is not in memory and was not collected is nowhere: a cheat has it asked for by honest peers again and again. */
  #collected(ref: BlockRef, budget: ScanBudget): SignedBlock | undefined {
    const { history, lowestRound } = this.#seams
    return ref.round < lowestRound() ? history.block(ref, budget) : undefined
  }

  /** What the asker will miss next: ancestors above the rounds it has, as far as they are in memory. */
  #addAncestors(reply: BlockReply, accepted: readonly Round[]): void {
    const seen = new Set(reply.blocks.map(({ ref }) => ref.digest))
    // The reply grows while it is walked: ancestors of ancestors follow, breadth first.
    for (let at = 0; at < reply.blocks.length && reply.blocks.length < maxExtraBlocks; at++) {
      for (const ref of reply.blocks[at]!.block.ancestors) {
        if (ref.round <= (accepted[ref.author] ?? 0) || seen.has(ref.digest)) continue
        seen.add(ref.digest)
        const block = this.#seams.blockInMemory(ref)
        if (block !== undefined && this.#seams.mayShow(block) && !reply.add(block)) return
      }
    }
  }

  #commits({ from, to }: FetchCommits): Uint8Array | undefined {
    const { history, parameters } = this.#seams
    const budget = { left: segmentsPerAnswer + 1 }
    const commits: SealedCommit[] = []
    const last = Math.min(to, from + parameters.commitSyncBatch - 1)
    for (let index = from, bytes = 0; index <= last; index++) {
      const sealed = history.commit(index, budget)
      bytes += sealed?.bytes.length ?? 0
      if (sealed === undefined || (commits.length > 0 && bytes > parameters.maxReplyBytes)) break
      commits.push(sealed)
    }
    const certified = this.#seams.certifiedIndex() - from + 1
    return this.#proven(certified > 0 ? commits.slice(0, certified) : commits)
  }

  /** The longest prefix for which a quorum has voted, with as many of the votes as one answer takes. */
  #proven(commits: readonly SealedCommit[]): Uint8Array | undefined {
    const { history, mayShow, parameters } = this.#seams
    const budget = { left: segmentsOfVotes }
    for (let count = commits.length, tries = 0; count > 0 && tries < maxEnds; count--, tries++) {
      const voters = history.voters(commits[count - 1]!.ref, budget, mayShow)
      if (voters === undefined) continue
      const proven = commits.slice(0, count).map(({ bytes }) => bytes)
      const reply = new BlockReply(parameters.maxReplyBytes - proven.reduce((sum, { length }) => sum + length, 0))
      reply.addAll(voters)
      return encodeCommitsReply({ commits: proven, voters: reply.blocks.map(({ bytes }) => bytes) })
    }
    return undefined
  }

  /** The votes that did not fit where the commit was shown. */
  #voters({ commit, known }: FetchVoters): Uint8Array | undefined {
    const { history, mayShow, parameters } = this.#seams
    const voters = history.voters(commit, { left: segmentsOfVotes }, mayShow, known)
    if (voters === undefined) return undefined
    const reply = new BlockReply(parameters.maxReplyBytes)
    reply.addAll(voters)
    return reply.body
  }

  #latestBlocks(authors: readonly AuthorityIndex[]): Uint8Array {
    const blocks = authors.flatMap((author) => this.#seams.latestOf(author) ?? []).filter(this.#seams.mayShow)
    return encodeList(blocks.map(({ bytes }) => bytes))
  }
}

/** Blocks up to a number of bytes; the first one always fits. */
class BlockReply {
  readonly blocks: SignedBlock[] = []
  #bytesLeft: number

  constructor(maxBytes: number) {
    this.#bytesLeft = maxBytes
  }

  /** False when it is full. */
  add(block: SignedBlock): boolean {
    if (this.blocks.length > 0 && block.bytes.length > this.#bytesLeft) return false
    this.blocks.push(block)
    this.#bytesLeft -= block.bytes.length
    return true
  }

  /** Adds them in order, up to the first that does not fit. */
  addAll(blocks: readonly SignedBlock[]): void {
    for (const block of blocks) if (!this.add(block)) return
  }

  get body(): Uint8Array {
    return encodeList(this.blocks.map(({ bytes }) => bytes))
  }
}
