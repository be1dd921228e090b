import type { AuthorityIndex, BlockRef, CommitRef, Round } from '../../consensus/types.ts'
import type { BlockAnswer } from '../peers/block-intake.ts'
import {
  decodeBlockRefs,
  decodeList,
  encodeFetchBlocks,
  encodeRound,
  MalformedMessage,
  method,
} from '../peers/messages.ts'
import { CommitProofs, type CommitProofsSeams, type ProvenCommits } from './commit-proofs.ts'

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
export interface StallReliefSeams extends CommitProofsSeams {
  readonly own: AuthorityIndex
  readonly standing: () => Standing
  /** Whether a block has come, accepted or not. */
  readonly has: (ref: BlockRef) => boolean
  readonly onBlocks: (answer: BlockAnswer) => void
  /** Commits that a quorum voted for, and the blocks that say so. */
  readonly onProven: (proven: ProvenCommits) => void
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
  readonly #proofs: CommitProofs
  /** Peers that have shown us all that they held at one moment since the round stands still. */
  readonly #shown = new Set<AuthorityIndex>()
  readonly #asking = new Set<AuthorityIndex>()
  #round: Round = -1

  constructor(seams: StallReliefSeams) {
    this.#seams = seams
    this.#proofs = new CommitProofs(seams)
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
    const { parameters, standing, onProven } = this.#seams
    const { certified: previous } = standing()
    const to = previous.index + parameters.commitSyncBatch
    this.#proofs.ask({ peer, previous, to, timeoutMs: parameters.fetchTimeoutMs }, (proven) => {
      if (proven !== undefined) onProven(proven)
    })
  }

  #read<Result>(peer: AuthorityIndex, read: () => Result): Result | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#seams.onMalformed(peer)
      return undefined
    }
  }
}
