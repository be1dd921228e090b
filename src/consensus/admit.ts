import type { DagNode } from './dag.ts'
import type { StepOutput } from './output.ts'
import type { ConsensusState } from './state.ts'
import type { AuthorityIndex, BlockRef, RefusalReason, SignedBlock } from './types.ts'

/** Tells every part of the state about blocks that are new in the DAG. */
export function admit(
  state: ConsensusState,
  nodes: readonly DagNode<SignedBlock>[],
  out: StepOutput,
  own = false,
): void {
  for (const node of nodes) {
    out.record({ type: 'block', block: node.content, own })
    state.committer.observe(node)
    state.certificates.observe(node.content)
    state.clock.add(node.round, node.author)
    if (node.author === state.seams.own) noteOwn(state, node)
    else state.ownVotes?.add(node)
    noteSibling(state, node, out)
  }
}

/** An own block of this or a former life: never propose at or below its round again. */
function noteOwn({ proposer, commitVotes, ownVotes }: ConsensusState, node: DagNode<SignedBlock>): void {
  const block = node.content
  ownVotes?.settle(node)
  if (block.ref.round <= (proposer.last?.ref.round ?? 0)) return
  proposer.last = block
  commitVotes.drop(block.block.commitVotes.at(-1)?.index ?? 0)
  for (const { author, round } of block.block.ancestors) {
    proposer.linked[author] = Math.max(proposer.linked[author] ?? 0, round)
  }
}

function noteSibling(state: ConsensusState, node: DagNode<SignedBlock>, out: StepOutput): void {
  const { round, author } = node
  const first = state.dag.firstAt(round, author)
  if (first === undefined || first === node) return
  const authors = state.evidence.get(round) ?? new Set()
  if (authors.has(author)) return
  state.evidence.set(round, authors.add(author))
  state.equivocations++
  out.effect({ type: 'evidence', slot: { round, author }, first: first.ref, second: node.ref })
}

/** Counts a refused block against the peer that sent it. */
export function refuse(
  state: ConsensusState,
  from: AuthorityIndex,
  ref: BlockRef,
  reason: RefusalReason,
  out: StepOutput,
): void {
  const key = `${from} ${reason}`
  const counted = state.refused.get(key) ?? { from, reason, count: 0 }
  counted.count++
  state.refused.set(key, counted)
  out.effect({ type: 'refused', from, ref, reason })
}

/** A short memory is no reason to refuse what a validator that was away for some seconds is shown. */
const roundsAhead = 120

/**
 * Nothing above this round can be of use soon. A commit takes at least a leader's round, so where a quorum is ahead by
 * commits its rounds are too.
 */
function highestRoundTaken({ clock, head, monitor, seams }: ConsensusState): number {
  const lag = Math.max(0, monitor.quorumIndex - head.ref.index)
  return clock.round + Math.max(roundsAhead, 2 * seams.parameters.gcDepth) + lag
}

/** Far behind the committee, where its commits are to be fetched. */
function isFarBehind({ head, monitor, seams, takesAll }: ConsensusState): boolean {
  return !takesAll && head.ref.index + seams.parameters.maxCommitLag < monitor.quorumIndex
}

/**
 * Live blocks from a peer. While we lag far behind the committee they are only read for their commit votes, unless
 * commits do not come either.
 */
export function receiveBlocks(
  state: ConsensusState,
  from: AuthorityIndex,
  blocks: readonly SignedBlock[],
  out: StepOutput,
): void {
  for (const block of blocks) state.monitor.observe(block)
  if (isFarBehind(state)) return
  const missing: BlockRef[] = []
  const highest = highestRoundTaken(state)
  for (const block of blocks) {
    if (block.ref.round > highest) {
      refuse(state, from, block.ref, 'roundTooHigh', out)
      continue
    }
    const reception = state.manager.receive(block)
    admit(state, reception.accepted, out)
    missing.push(...reception.missing)
    if (reception.refused !== undefined) refuse(state, from, block.ref, reception.refused, out)
  }
  // An ancestor may have come later in the same batch.
  const refs = missing.filter((ref) => state.manager.isMissing(ref))
  if (refs.length > 0) out.effect({ type: 'fetch', from, refs })
}
