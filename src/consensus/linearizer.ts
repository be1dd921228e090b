import type { DagNode } from './dag.ts'
import type { BlockRef, Round, SignedBlock } from './types.ts'

/** Order of execution: round, author, digest. */
export function compareRefs(a: BlockRef, b: BlockRef): number {
  if (a.round !== b.round) return a.round - b.round
  if (a.author !== b.author) return a.author - b.author
  return a.digest < b.digest ? -1 : Number(a.digest > b.digest)
}

/**
 * What a leader newly orders: itself and all its ancestors above `gcRound` that no leader before it has ordered. Marks
 * them as committed.
 */
export function linearize(leader: DagNode<SignedBlock>, gcRound: Round): readonly DagNode<SignedBlock>[] {
  const ordered: DagNode<SignedBlock>[] = []
  const open = [leader]
  leader.committed = true
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    ordered.push(node)
    for (const parent of node.parents) {
      if (parent.committed || parent.round <= gcRound) continue
      parent.committed = true
      open.push(parent)
    }
  }
  return ordered.sort((a, b) => compareRefs(a.ref, b.ref))
}

/** A time and the stake that says so. */
export interface Timestamp {
  readonly ms: number
  readonly stake: number
}

/** The first time, in ascending order, at which more than half of the stake (rounded down) has spoken. */
export function stakeMedian(timestamps: readonly Timestamp[]): number {
  const sorted = [...timestamps].sort((a, b) => a.ms - b.ms)
  const half = Math.floor(sorted.reduce((sum, { stake }) => sum + stake, 0) / 2)
  let seen = 0
  for (const { ms, stake } of sorted) {
    seen += stake
    if (seen > half) return ms
  }
  return sorted.at(-1)?.ms ?? 0
}

/** Time of a commit: the stake-median of the leader's parents in the round below it, never before the last commit. */
export function commitTimestamp(
  leader: DagNode<SignedBlock>,
  stakeOf: (author: number) => number,
  previousMs: number,
): number {
  const parents = leader.parents.filter(({ round }) => round === leader.round - 1)
  const times = parents.map(({ content, author }) => ({ ms: content.block.timestampMs, stake: stakeOf(author) }))
  return Math.max(previousMs, stakeMedian(times))
}
