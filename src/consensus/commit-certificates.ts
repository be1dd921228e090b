import type { Committee } from './committee.ts'
import type { AuthorityIndex, CommitRef, Round, SignedBlock } from './types.ts'

/**
 * Votes of one author that are kept above the last certified commit: a cheat may vote for anything. They are the highest
 * ones, since one certified commit certifies all below it, and whoever was away votes for the newest only.
 */
const maxVotesPerAuthor = 1_000

/** One of our commits that a quorum has not voted for yet. */
interface OpenCommit {
  readonly digest: string
  readonly leaderRound: Round
}

/** A commit that a quorum has voted for. */
export interface CertifiedHead {
  readonly ref: CommitRef
  /** −∞ while no certified commit is known. */
  readonly leaderRound: Round
}

/**
 * Which of our commits a quorum has voted for, by index and digest, in blocks that are on our disk: whoever knows it can
 * prove it to others. A vote counts for its own commit only, so that the proof is a quorum of votes for one digest.
 */
export class CommitCertificates {
  readonly #committee: Committee
  readonly #open = new Map<number, OpenCommit>()
  /** Index → author → digests voted for. */
  readonly #votes = new Map<number, Map<AuthorityIndex, readonly string[]>>()
  readonly #counts: number[]
  #head: CertifiedHead

  constructor(committee: Committee, before: CommitRef) {
    this.#committee = committee
    this.#counts = committee.authorities.map(() => 0)
    this.#head = { ref: before, leaderRound: Number.NEGATIVE_INFINITY }
  }

  /** The highest commit that a quorum has voted for. */
  get head(): CertifiedHead {
    return this.#head
  }

  /** We made a commit. Indices ascend by one. */
  add({ index, digest }: CommitRef, leaderRound: Round): void {
    this.#open.set(index, { digest, leaderRound })
    this.#check(index)
  }

  /** A peer has proven this commit of ours, whatever votes are known here. */
  prove({ index, digest }: CommitRef): void {
    const open = this.#open.get(index)
    if (open?.digest === digest) this.#certify({ index, digest }, open.leaderRound)
  }

  /** Counts the votes of a block that is on our disk, or about to be; true when one of them is new. */
  observe({ ref, block }: Pick<SignedBlock, 'ref' | 'block'>): boolean {
    let fresh = false
    for (const vote of block.commitVotes) {
      if (vote.index <= this.#head.ref.index || !this.#note(ref.author, vote)) continue
      fresh = true
      this.#check(vote.index)
    }
    return fresh
  }

  #note(author: AuthorityIndex, { index, digest }: CommitRef): boolean {
    const byAuthor = this.#votes.get(index) ?? new Map<AuthorityIndex, readonly string[]>()
    const digests = byAuthor.get(author) ?? []
    if (digests.includes(digest)) return false
    if ((this.#counts[author] ?? 0) >= maxVotesPerAuthor && !this.#dropBelow(author, index)) return false
    this.#votes.set(index, byAuthor.set(author, [...digests, digest]))
    this.#counts[author] = (this.#counts[author] ?? 0) + 1
    return true
  }

  /** Gives up the author's lowest votes for a higher one. The map is in order of index but for cheats and laggards. */
  #dropBelow(author: AuthorityIndex, above: number): boolean {
    for (const [index, byAuthor] of this.#votes) {
      const digests = byAuthor.get(author)
      if (digests === undefined || index >= above) continue
      byAuthor.delete(author)
      if (byAuthor.size === 0) this.#votes.delete(index)
      this.#counts[author] = (this.#counts[author] ?? 0) - digests.length
      return true
    }
    return false
  }

  #check(index: number): void {
    const open = this.#open.get(index)
    if (open === undefined) return
    let stake = 0
    for (const [author, digests] of this.#votes.get(index) ?? []) {
      if (digests.includes(open.digest)) stake += this.#committee.stake(author)
    }
    if (stake >= this.#committee.quorum) this.#certify({ index, digest: open.digest }, open.leaderRound)
  }

  #certify(ref: CommitRef, leaderRound: Round): void {
    this.#head = { ref, leaderRound }
    for (const index of this.#open.keys()) if (index <= ref.index) this.#open.delete(index)
    for (const [index, byAuthor] of this.#votes) {
      if (index > ref.index) continue
      for (const [author, digests] of byAuthor) this.#counts[author] = (this.#counts[author] ?? 0) - digests.length
      this.#votes.delete(index)
    }
  }
}
