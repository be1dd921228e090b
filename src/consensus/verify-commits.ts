import type { CommitLink } from './commit-codec.ts'
import type { Committee } from './committee.ts'
import { StakeSum } from './stake-sum.ts'
import type { BlockRef, CertifiedCommit, CommitRef, DagBlock, SealedCommit, SignedBlock } from './types.ts'

/** Why fetched commits are not believed. */
export type CommitFault = 'noCommits' | 'wrongIndex' | 'brokenChain' | 'noVoteQuorum'

/**
 * Checks that commits follow `previous` one by one and that a quorum voted for the last, which proves them all.
 *
 * @param voters blocks that passed {@link verifyBlock} and the signature check; those without the vote do not count
 * @returns the first fault, or undefined
 */
export function verifyCommits(
  committee: Committee,
  previous: CommitRef,
  commits: readonly CommitLink[],
  voters: readonly SignedBlock[],
): CommitFault | undefined {
  let last = previous
  for (const { ref, commit } of commits) {
    if (commit.index !== last.index + 1) return 'wrongIndex'
    if (commit.previousDigest !== last.digest) return 'brokenChain'
    last = ref
  }
  if (commits.length === 0) return 'noCommits'
  return votedStake(committee, last, voters) < committee.quorum ? 'noVoteQuorum' : undefined
}

function votedStake(committee: Committee, target: CommitRef, voters: readonly SignedBlock[]): number {
  const sum = new StakeSum(committee.authorities.map(({ stake }) => stake))
  for (const { ref, block } of voters) {
    if (votesFor(block, target)) sum.add(ref.author)
  }
  return sum.total
}

/** Whether a block votes for a commit. */
export function votesFor({ commitVotes }: Pick<DagBlock, 'commitVotes'>, target: CommitRef): boolean {
  return commitVotes.some(({ index, digest }) => index === target.index && digest === target.digest)
}

/** Whether two references name the same block. */
export function sameBlock(a: BlockRef, b: BlockRef): boolean {
  return a.digest === b.digest && a.round === b.round && a.author === b.author
}

/** Puts a proven commit together with its blocks; undefined when `blocks` are not exactly those it orders. */
export function certifyCommit(sealed: SealedCommit, blocks: readonly SignedBlock[]): CertifiedCommit | undefined {
  const { blocks: wanted } = sealed.commit
  const match = wanted.length === blocks.length && wanted.every((ref, at) => sameBlock(ref, blocks[at]!.ref))
  return match ? { sealed, blocks } : undefined
}
