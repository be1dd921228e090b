import { decodeCommit, MalformedCommit, readCommitLink } from '../../consensus/commit-codec.ts'
import type { Committee } from '../../consensus/committee.ts'
import type { AuthorityIndex, CommitRef, SealedCommit, SignedBlock } from '../../consensus/types.ts'
import { verifyCommits, votesFor } from '../../consensus/verify-commits.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { ownMemory } from '../own-memory.ts'
import type { ReplicaParameters } from '../parameters.ts'
import {
  decodeCommitsReply,
  decodeList,
  encodeFetchCommits,
  encodeFetchVoters,
  MalformedMessage,
  method,
} from '../peers/messages.ts'
import type { PeerQuestions } from '../peers/peers.ts'
import { inSlices } from '../slices.ts'

/** What proofs need. */
export interface CommitProofsSeams {
  readonly committee: Committee
  readonly clock: Clock
  readonly log: Log
  readonly peers: PeerQuestions
  readonly parameters: ReplicaParameters
  /** Bytes of the largest lawful block. */
  readonly maxBlockBytes: number
  /** Checks voters: rules and signatures. */
  readonly check: (
    from: AuthorityIndex,
    items: readonly Uint8Array[],
    done: (blocks: readonly SignedBlock[]) => void,
  ) => void
  readonly onMalformed: (from: AuthorityIndex) => void
}

/** Commits that follow one of ours, and the blocks of a quorum that vote for the last. */
export interface ProvenCommits {
  readonly commits: readonly SealedCommit[]
  readonly voters: readonly SignedBlock[]
}

/** Which commits are asked for, whom, and how long one answer may take. */
export interface CommitRange {
  readonly peer: AuthorityIndex
  readonly previous: CommitRef
  readonly to: number
  readonly timeoutMs: number
}

/** A proof that is being put together. */
interface Proof {
  readonly range: CommitRange
  readonly items: readonly Uint8Array[]
  readonly last: CommitRef
  readonly voters: SignedBlock[]
  /** Undefined: the peer did not prove them. */
  readonly done: (proven: ProvenCommits | undefined) => void
}

/**
 * Asks peers for commits and believes them in this order: the chain of digests, the signatures of a quorum that voted for
 * its end, and only then what is in the commits. The blocks of a large quorum come in several answers.
 */
export class CommitProofs {
  readonly #seams: CommitProofsSeams
  /** The one proof whose voters are asked for in further answers: they are held until they are a quorum. */
  #long: Proof | undefined

  constructor(seams: CommitProofsSeams) {
    this.#seams = seams
  }

  ask(range: CommitRange, done: Proof['done']): void {
    const { peers, parameters, committee } = this.#seams
    const { peer, previous, to, timeoutMs } = range
    const body = encodeFetchCommits({ from: previous.index + 1, to })
    peers.ask(peer, method.fetchCommits, body, timeoutMs, (answer) => {
      const read = (bytes: Uint8Array) => decodeCommitsReply(bytes, parameters.commitSyncBatch, committee.size)
      const reply = answer === undefined ? undefined : this.#read(peer, () => read(answer))
      if (reply === undefined || reply.commits.length === 0) done(undefined)
      else this.#readChain(range, reply.commits.map(ownMemory), reply.voters, done)
    })
  }

  #readChain(
    range: CommitRange,
    items: readonly Uint8Array[],
    voters: readonly Uint8Array[],
    done: Proof['done'],
  ): void {
    let last = range.previous
    let sound = true
    const take = (item: Uint8Array): boolean => {
      const link = this.#read(range.peer, () => readCommitLink(item))
      const fault = link && verifyCommits(this.#seams.committee, last, [link], [])
      if (fault !== undefined && fault !== 'noVoteQuorum') this.#blame(range.peer, fault)
      sound = link !== undefined && fault === 'noVoteQuorum'
      last = link?.ref ?? last
      return sound
    }
    inSlices(this.#seams.clock, items, take, () => {
      if (!sound) done(undefined)
      else this.#takeVoters({ range, items, last, voters: [], done }, voters, items)
    })
  }

  /** @param alongside what came in the same answer */
  #takeVoters(proof: Proof, items: readonly Uint8Array[], alongside: readonly Uint8Array[] = []): void {
    const { peer } = proof.range
    this.#seams.check(peer, items, (blocks) => {
      const isFresh = items.length === blocks.length && blocks.every((block) => addVoter(proof, block))
      if (this.#isQuorum(proof)) this.#unpack(proof)
      else if (isFresh && this.#isFull([...items, ...alongside])) this.#askMore(proof)
      else {
        this.#blame(peer, 'noVoteQuorum')
        this.#end(proof, undefined)
      }
    })
  }

  #isQuorum({ voters }: Proof): boolean {
    const { committee } = this.#seams
    return voters.reduce((sum, { ref }) => sum + committee.stake(ref.author), 0) >= committee.quorum
  }

  /** Whoever has not shown a quorum has shown as much as an answer takes: votes do not come one by one. */
  #isFull(items: readonly Uint8Array[]): boolean {
    const { parameters, maxBlockBytes } = this.#seams
    return items.reduce((sum, { length }) => sum + length, 0) + maxBlockBytes > parameters.maxReplyBytes
  }

  #askMore(proof: Proof): void {
    const { peers, committee } = this.#seams
    const { range, last, voters } = proof
    this.#long ??= proof
    if (this.#long !== proof) {
      proof.done(undefined)
      return
    }
    const body = encodeFetchVoters({ commit: last, known: voters.map(({ ref }) => ref.author) })
    peers.ask(range.peer, method.commitVoters, body, range.timeoutMs, (answer) => {
      const items = answer === undefined ? undefined : this.#read(range.peer, () => decodeList(answer, committee.size))
      if (items === undefined) this.#end(proof, undefined)
      else this.#takeVoters(proof, items)
    })
  }

  /** A quorum stands behind these bytes, so they are what honest validators made. */
  #unpack(proof: Proof): void {
    const commits: SealedCommit[] = []
    const take = (item: Uint8Array): boolean => {
      const commit = this.#read(proof.range.peer, () => decodeCommit(item))
      if (commit !== undefined) commits.push(commit)
      return commit !== undefined
    }
    inSlices(this.#seams.clock, proof.items, take, () => {
      this.#end(proof, commits.length === proof.items.length ? { commits, voters: proof.voters } : undefined)
    })
  }

  #end(proof: Proof, proven: ProvenCommits | undefined): void {
    if (this.#long === proof) this.#long = undefined
    proof.done(proven)
  }

  #blame(peer: AuthorityIndex, fault: string): void {
    this.#seams.log.warn({ peer, fault }, 'a peer sent commits that are not proven')
    this.#seams.onMalformed(peer)
  }

  #read<Result>(peer: AuthorityIndex, read: () => Result): Result | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof MalformedCommit)) throw error
      this.#seams.log.warn({ peer, error: messageOf(error) }, 'a peer sent commits that cannot be read')
      this.#seams.onMalformed(peer)
      return undefined
    }
  }
}

/** False when it is no vote, or not a new one. */
function addVoter({ voters, last }: Proof, block: SignedBlock): boolean {
  if (!votesFor(block.block, last) || voters.some(({ ref }) => ref.author === block.ref.author)) return false
  voters.push(block)
  return true
}
