import { decodeCommit, MalformedCommit } from '../../consensus/commit-codec.ts'
import type { Committee } from '../../consensus/committee.ts'
import type { AuthorityIndex, BlockRef, CommitRef, Round, SealedCommit, SignedBlock } from '../../consensus/types.ts'
import { verifyCommits } from '../../consensus/verify-commits.ts'
import type { Log } from '../../core/log.ts'
import type { ReplicaParameters } from '../parameters.ts'
import type { BlockAnswer } from '../peers/block-intake.ts'
import {
  decodeBlockRefs,
  decodeCommitsReply,
  decodeList,
  encodeFetchBlocks,
  encodeFetchCommits,
  encodeRound,
  MalformedMessage,
  method,
} from '../peers/messages.ts'
import type { PeerQuestions } from '../peers/peers.ts'

/** Parts that one peer is asked for in a row: it may hold much more than is taken before others are heard. */
const partsInARow = 4

/** Where a validator stands. */
export interface Standing {
  readonly round: Round
  readonly lastCommitRound: Round
  /** The last commit of ours that a quorum has voted for. */
  readonly certified: CommitRef
}

/** What relief needs. */
export interface StallReliefSeams {
  readonly committee: Committee
  readonly own: AuthorityIndex
  readonly log: Log
  readonly peers: PeerQuestions
  readonly parameters: ReplicaParameters
  readonly standing: () => Standing
  /** Whether a block has come, accepted or not. */
  readonly has: (ref: BlockRef) => boolean
  readonly onBlocks: (answer: BlockAnswer) => void
  /** Checks voters: rules and signatures. */
  readonly check: (
    from: AuthorityIndex,
    items: readonly Uint8Array[],
    done: (blocks: readonly SignedBlock[]) => void,
  ) => void
  /** Commits that a quorum voted for, and the blocks that say so. */
  readonly onProven: (commits: readonly SealedCommit[], voters: readonly SignedBlock[]) => void
  readonly onMalformed: (from: AuthorityIndex) => void
  /** A quorum, we included, has shown all that it holds, and still no round passes. */
  readonly onStalled: () => void
}

/**
 * Helps a validator whose round stands still, whatever the reason: a block that nobody names, an ancestor that nobody
 * has, a commit that only some have made. All peers are asked for the blocks that they hold above our last commit and
 * for the commits after our last certified one.
 */
export class StallRelief {
  readonly #seams: StallReliefSeams
  /** Peers that have shown us all that they held at one moment since the round stands still. */
  readonly #shown = new Set<AuthorityIndex>()
  readonly #asking = new Set<AuthorityIndex>()
  #round: Round = -1

  constructor(seams: StallReliefSeams) {
    this.#seams = seams
  }

  /** Call once a second; true while the round stands still. */
  look(): boolean {
    const { round } = this.#seams.standing()
    if (round !== this.#round) {
      this.#round = round
      this.#shown.clear()
      return false
    }
    if (this.#knowsAll()) this.#seams.onStalled()
    for (const peer of this.#seams.peers.connected) this.#ask(peer)
    return true
  }

  #knowsAll(): boolean {
    const { committee, own } = this.#seams
    return [own, ...this.#shown].reduce((sum, peer) => sum + committee.stake(peer), 0) >= committee.quorum
  }

  #ask(peer: AuthorityIndex): void {
    if (this.#asking.has(peer)) return
    this.#asking.add(peer)
    this.#askCommits(peer)
    const { peers, parameters, standing } = this.#seams
    const body = encodeRound(standing().lastCommitRound)
    peers.ask(peer, method.heldBlocks, body, parameters.fetchTimeoutMs, (answer) => {
      const held = answer === undefined ? undefined : this.#read(peer, () => decodeBlockRefs(answer))
      if (held === undefined) this.#asking.delete(peer)
      else this.#fetch(peer, [...held])
    })
  }

  /** Fetches what we lack, part by part; a peer that names more than it can show has not shown all. */
  #fetch(peer: AuthorityIndex, held: readonly BlockRef[], part = 1): void {
    const { peers, parameters, has, onBlocks } = this.#seams
    const lacking = held.filter((ref) => !has(ref))
    if (lacking.length === 0) {
      this.#asking.delete(peer)
      if (part === 1) this.#shown.add(peer)
      return
    }
    const refs = lacking.slice(0, parameters.blocksPerFetch)
    const body = encodeFetchBlocks({ refs, accepted: [] })
    peers.ask(peer, method.fetchBlocks, body, parameters.fetchTimeoutMs, (answer) => {
      const items = answer === undefined ? undefined : this.#read(peer, () => decodeList(answer, refs.length))
      const came = items !== undefined && items.length > 0
      if (came) onBlocks({ from: peer, items, asked: refs })
      const rest = lacking.slice(refs.length)
      if (came && rest.length > 0 && part < partsInARow) this.#fetch(peer, rest, part + 1)
      // Whether that was all is seen at the next look, when what came has been checked.
      else this.#asking.delete(peer)
    })
  }

  #askCommits(peer: AuthorityIndex): void {
    const { peers, parameters, standing } = this.#seams
    const { certified } = standing()
    const from = certified.index + 1
    const body = encodeFetchCommits({ from, to: certified.index + parameters.commitSyncBatch })
    peers.ask(peer, method.fetchCommits, body, parameters.fetchTimeoutMs, (answer) => {
      if (answer !== undefined) this.#takeCommits(peer, certified, answer)
    })
  }

  #takeCommits(peer: AuthorityIndex, certified: CommitRef, answer: Uint8Array): void {
    const { committee, parameters, check, onProven, log } = this.#seams
    const reply = this.#read(peer, () => {
      const { commits, voters } = decodeCommitsReply(answer, parameters.commitSyncBatch, committee.size)
      return { commits: commits.map((bytes) => decodeCommit(Uint8Array.from(bytes))), voters }
    })
    if (reply === undefined || reply.commits.length === 0) return
    check(peer, reply.voters, (voters) => {
      const fault = verifyCommits(committee, certified, reply.commits, voters)
      if (fault === undefined) onProven(reply.commits, voters)
      else log.debug({ peer, fault }, 'a peer sent commits that are not proven')
    })
  }

  #read<Result>(peer: AuthorityIndex, read: () => Result): Result | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof MalformedCommit)) throw error
      this.#seams.onMalformed(peer)
      return undefined
    }
  }
}
