import { InvariantError } from '../core/errors.ts'
import type { CommittedSubDag, SealedCommit, SignedBlock, TransactionVote } from './types.ts'
import { certifyCommit } from './verify-commits.ts'

/**
 * The sub-DAG of a commit that lies on disk, just as it was (or would have been) delivered.
 *
 * @param blocks the blocks of `sealed.commit.blocks`, in that order
 * @param rejected what later commits rejected of it: see {@link rejectedOf}
 * @throws InvariantError when the blocks are not those of the commit.
 */
export function subDagOf(
  sealed: SealedCommit,
  blocks: readonly SignedBlock[],
  rejected: readonly TransactionVote[] = [],
): CommittedSubDag {
  const { ref, commit } = sealed
  if (certifyCommit(sealed, blocks) === undefined) throw new InvariantError('Blocks of another commit.', { ref })
  const reputationScores = commit.scores
    .map((score, author) => ({ author, score }))
    .sort((a, b) => b.score - a.score || a.author - b.author)
  const { leader, timestampMs } = commit
  return { commitRef: ref, leader, timestampMs, blocks, rejectedTransactions: rejected, reputationScores }
}

/** What `later` commits say about the transactions of `sealed`. */
export function rejectedOf(sealed: SealedCommit, later: Iterable<SealedCommit>): readonly TransactionVote[] {
  const own = new Set(sealed.commit.blocks.map(({ digest }) => digest))
  const rejected: TransactionVote[] = []
  for (const { commit } of later) rejected.push(...commit.rejected.filter(({ block }) => own.has(block.digest)))
  return rejected
}
