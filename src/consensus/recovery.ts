import { InvariantError } from '../core/errors.ts'
import { admit } from './admit.ts'
import { collect, commitAgreed, retentionOf } from './commit.ts'
import { CommitCertificates } from './commit-certificates.ts'
import { StepOutput } from './output.ts'
import { OwnBlocks } from './own-blocks.ts'
import { type ConsensusState, newState, orderedFloorOf } from './state.ts'
import type { BlockRef, Checkpoint, ConsensusSeams, LogRecord, SealedCommit, SignedBlock } from './types.ts'

/**
 * The state that wrote this log, rebuilt by living through it again; memory stays bounded however long the log is.
 *
 * @param checkpoint the last checkpoint on disk, if there is one
 * @param records every record on disk in the order it was written; what {@link Retention} let drop may be absent. It is
 * read more than once.
 * @throws InvariantError when the log contradicts itself.
 */
export function recoverConsensus(
  seams: ConsensusSeams,
  checkpoint: Checkpoint | undefined,
  records: Iterable<LogRecord>,
): ConsensusState {
  const state = newState(seams, checkpoint === undefined ? 0 : checkpoint.gcRound + 1)
  const committed = new Set(checkpoint?.committed.map(({ digest }) => digest))
  if (checkpoint !== undefined) restore(state, checkpoint, records)
  for (const record of records) {
    replay(state, record, committed)
    collect(state, nowhere())
  }
  return state
}

function restore(state: ConsensusState, checkpoint: Checkpoint, records: Iterable<LogRecord>): void {
  const { sealed, leaders, ownRound, open, orphaned } = checkpoint
  const { ref, commit } = sealed
  state.head = { ref, leaderRound: commit.leader.round, timestampMs: commit.timestampMs }
  restoreCertificates(state, sealed, records)
  if (commit.scores.length > 0) state.schedule.update(commit.scores, commit.leader.round, ref.index)
  state.schedule.keep(commit.leader.round, leaders)
  state.lastDecided = { round: commit.leader.round, offset: leaders.indexOf(commit.leader.author) }
  state.committer.forget(commit.leader.round - 1)
  state.lastDeliveredIndex = (open[0]?.sealed.ref.index ?? ref.index + 1) - 1
  state.proposer.floor = ownRound
  state.ownBlocks = new OwnBlocks(orphaned)
  state.retention = retentionOf(checkpoint)
  if (open.length > 0) state.rejections.restore(open, blocksOf(checkpoint, records))
}

/**
 * Commits before the checkpoint may have got a quorum only after it. The log keeps those whose votes it keeps, so
 * certificates begin before its first commit; how far that one had let us collect, the checkpoint says.
 */
function restoreCertificates(state: ConsensusState, last: SealedCommit, records: Iterable<LogRecord>): void {
  const kept: SealedCommit[] = []
  for (const record of records) {
    if (record.type === 'commit' && record.sealed.ref.index < last.ref.index) kept.push(record.sealed)
  }
  kept.push(last)
  const [{ ref, commit }] = kept as [SealedCommit]
  const before = { index: ref.index - 1, digest: commit.previousDigest }
  state.certificates = new CommitCertificates(state.seams.committee, before)
  for (const sealed of kept) state.certificates.add(sealed.ref, sealed.commit.leader.round)
}

/** The blocks of the open commits, some of which may already be collected. */
function blocksOf({ open }: Checkpoint, records: Iterable<LogRecord>): (ref: BlockRef) => SignedBlock {
  const wanted = new Set(open.flatMap(({ sealed }) => sealed.commit.blocks.map(({ digest }) => digest)))
  const found = new Map<string, SignedBlock>()
  for (const record of records) {
    if (record.type === 'block' && wanted.has(record.block.ref.digest)) found.set(record.block.ref.digest, record.block)
  }
  return (ref) => {
    const block = found.get(ref.digest)
    if (block === undefined) throw new InvariantError('The log lacks a block of a commit.', { ref })
    return block
  }
}

/** Effects are dropped: what the log holds has been done, and the log's owner delivers what its consumer lacks. */
const nowhere = (): StepOutput => new StepOutput()

function replay(state: ConsensusState, record: LogRecord, committed: Set<string>): void {
  switch (record.type) {
    case 'block':
      replayBlock(state, record.block, record.own, committed)
      break
    case 'commit':
      if (record.sealed.ref.index > state.head.ref.index) commitAgreed(state, record.sealed, nowhere())
      break
    case 'voter':
      state.certificates.observe(record.block)
      break
    case 'ownRound':
      raiseFloor(state, record.round)
  }
}

function raiseFloor({ proposer }: ConsensusState, round: number): void {
  proposer.floor = Math.max(proposer.floor ?? 0, round)
}

function replayBlock(state: ConsensusState, block: SignedBlock, own: boolean, committed: Set<string>): void {
  // What was accepted may have relied on a commit of our own that no quorum has voted for.
  const { accepted } = state.manager.receive(block, true, orderedFloorOf(state))
  for (const node of accepted) node.committed = committed.delete(node.ref.digest)
  state.monitor.observe(block)
  if (own) {
    raiseFloor(state, block.ref.round)
    if (accepted.some(({ content }) => content === block)) state.ownBlocks.replay(block)
  }
  admit(state, accepted, nowhere(), own)
}
