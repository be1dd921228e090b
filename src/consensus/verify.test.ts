import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeCommittee } from '../../test/fake/committee.ts'
import { type BlockFields, sealBlock } from './block-codec.ts'
import { beforeFirstCommit, sealCommit } from './commit-codec.ts'
import { CommitVoteMonitor, PendingCommitVotes } from './commit-votes.ts'
import { genesisBlocks } from './genesis.ts'
import { defaultParameters } from './parameters.ts'
import type { BlockRef, CommitRef, RefusalReason, SealedCommit } from './types.ts'
import { verifyBlock } from './verify-block.ts'
import { certifyCommit, verifyCommits } from './verify-commits.ts'

const { committee, sign } = fakeCommittee([1, 1, 1, 1])
const genesis = genesisBlocks(committee).map(({ ref }) => ref)
const parameters = {
  ...defaultParameters,
  maxTransactionsPerBlock: 3,
  maxTransactionBytes: 10,
  maxTransactionBytesPerBlock: 20,
  transactionVoting: true,
}

const digest = 'ab'.repeat(32)
const ref = (round: number, author: number): BlockRef => ({ round, author, digest })
const bytes = (length: number): Uint8Array => new Uint8Array(length)
const vote = (index: number): CommitRef => ({ index, digest })

/** A sound block of authority 1 in round 5, changed. */
function block(change: Partial<BlockFields>) {
  const fields: BlockFields = {
    epoch: 0,
    round: 5,
    author: 1,
    timestampMs: 1,
    ancestors: [ref(4, 1), ref(4, 0), ref(4, 2), ref(2, 3)],
    transactions: [bytes(10), bytes(10)],
    commitVotes: [vote(1)],
    transactionVotes: [{ block: ref(4, 0), rejects: [0, 2] }],
    ...change,
  }
  return sealBlock(committee, fields, (root) => sign(fields.author % 4, root))
}

const verdict = (change: Partial<BlockFields>): RefusalReason | undefined =>
  verifyBlock(committee, parameters, block(change))

describe('votes on transactions', () => {
  it('are unlawful where the committee does not vote', () => {
    const silent = { ...parameters, transactionVoting: false }
    assert.equal(verifyBlock(committee, silent, block({})), 'badTransactionVote')
    assert.equal(verifyBlock(committee, silent, block({ transactionVotes: [] })), undefined)
  })
})

describe('a block on its own', () => {
  it('is taken when it keeps every rule', () => {
    assert.equal(verdict({}), undefined)
    assert.equal(
      verdict({ round: 1, ancestors: [genesis[1]!, ...genesis.filter((_, at) => at !== 1)], transactionVotes: [] }),
      undefined,
    )
  })

  const refusals: readonly [RefusalReason, Partial<BlockFields>][] = [
    ['wrongEpoch', { epoch: 1 }],
    ['unknownAuthor', { author: 4 }],
    ['genesisRound', { round: 0 }],
    ['noAncestors', { ancestors: [] }],
    ['tooManyAncestors', { ancestors: [1, 0, 2, 3, 0].map((author) => ref(4, author)) }],
    ['ownAncestorNotFirst', { ancestors: [ref(4, 0), ref(4, 1), ref(4, 2)] }],
    ['ownAncestorNotFirst', { ancestors: [ref(4, 1), ref(4, 0), ref(3, 1), ref(4, 2)] }],
    ['ancestorNotOlder', { ancestors: [ref(4, 1), ref(5, 0), ref(4, 2), ref(4, 3)] }],
    ['ancestorUnknownAuthor', { ancestors: [ref(4, 1), ref(4, 4), ref(4, 2), ref(4, 3)] }],
    ['ancestorRepeated', { ancestors: [ref(4, 1), ref(4, 0), ref(4, 0), ref(4, 2)] }],
    ['wrongGenesis', { ancestors: [ref(4, 1), ref(4, 0), ref(4, 2), ref(0, 3)] }],
    ['noParentQuorum', { ancestors: [ref(4, 1), ref(4, 0), ref(3, 2), ref(3, 3)] }],
    ['transactionTooLarge', { transactions: [bytes(11)] }],
    ['tooManyTransactions', { transactions: [bytes(1), bytes(1), bytes(1), bytes(1)] }],
    ['transactionsTooLarge', { transactions: [bytes(10), bytes(10), bytes(1)] }],
    ['tooManyCommitVotes', { commitVotes: Array.from({ length: 101 }, (_, at) => vote(at + 1)) }],
    ['badCommitVote', { commitVotes: [vote(0)] }],
    ['badTransactionVote', { transactionVotes: [{ block: ref(5, 0), rejects: [1] }] }],
    ['badTransactionVote', { transactionVotes: [{ block: ref(4, 4), rejects: [1] }] }],
    ['badTransactionVote', { transactionVotes: [{ block: ref(4, 0), rejects: [] }] }],
    ['badTransactionVote', { transactionVotes: [{ block: ref(4, 0), rejects: [1, 1] }] }],
    ['badTransactionVote', { transactionVotes: [{ block: ref(4, 0), rejects: [0, 3] }] }],
    ['badTransactionVote', { transactionVotes: new Array(17).fill({ block: ref(4, 0), rejects: [0, 1, 2] }) }],
    ['badTransactionVote', { transactionVotes: new Array(241).fill({ block: ref(4, 0), rejects: [1] }) }],
  ]
  for (const [reason, change] of refusals) {
    it(`is refused as ${reason}: ${JSON.stringify(change).slice(0, 60)}`, () => assert.equal(verdict(change), reason))
  }
})

/** A chain of commits and the votes of these authors for its last. */
function chain(length: number): SealedCommit[] {
  const commits: SealedCommit[] = []
  let last = beforeFirstCommit
  for (let index = 1; index <= length; index++) {
    const empty = { blocks: [ref(index, 0)], rejected: [], scores: [] }
    const sealed = sealCommit({
      index,
      previousDigest: last.digest,
      timestampMs: index,
      leader: ref(index, 0),
      ...empty,
    })
    commits.push(sealed)
    last = sealed.ref
  }
  return commits
}

const voters = (authors: readonly number[], target: CommitRef) =>
  authors.map((author) => block({ author, ancestors: [ref(4, author)], commitVotes: [vote(1), target] }))

describe('fetched commits', () => {
  const commits = chain(5)
  const last = commits.at(-1)!.ref

  it('are believed when they are a chain with a quorum of votes for the last', () => {
    assert.equal(verifyCommits(committee, beforeFirstCommit, commits, voters([0, 1, 2], last)), undefined)
    assert.equal(verifyCommits(committee, commits[1]!.ref, commits.slice(2), voters([3, 1, 2], last)), undefined)
  })

  it('are not believed with too few votes, counted once per author', () => {
    assert.equal(verifyCommits(committee, beforeFirstCommit, commits, voters([0, 1], last)), 'noVoteQuorum')
    assert.equal(verifyCommits(committee, beforeFirstCommit, commits, voters([0, 1, 1], last)), 'noVoteQuorum')
    const other = { index: last.index, digest }
    assert.equal(verifyCommits(committee, beforeFirstCommit, commits, voters([0, 1, 2], other)), 'noVoteQuorum')
    assert.equal(verifyCommits(committee, beforeFirstCommit, [], voters([0, 1, 2], last)), 'noCommits')
  })

  it('are not believed when a commit is absent, from elsewhere or follows another', () => {
    const gap = [commits[0]!, ...commits.slice(2)]
    assert.equal(verifyCommits(committee, beforeFirstCommit, gap, voters([0, 1, 2], last)), 'wrongIndex')
    const before = { index: 0, digest }
    assert.equal(verifyCommits(committee, before, commits, voters([0, 1, 2], last)), 'brokenChain')
    const forged = sealCommit({ ...commits[2]!.commit, timestampMs: 77 })
    const swapped = commits.with(2, forged)
    assert.equal(verifyCommits(committee, beforeFirstCommit, swapped, voters([0, 1, 2], last)), 'brokenChain')
  })

  it('take exactly the blocks they order', () => {
    const blocks = [block({}), block({ author: 2, ancestors: [ref(4, 2)] })]
    const commit = { ...commits[0]!.commit, blocks: blocks.map((each) => each.ref) }
    const sealed = sealCommit(commit)
    assert.deepEqual(certifyCommit(sealed, blocks)?.blocks, blocks)
    assert.equal(certifyCommit(sealed, blocks.toReversed()), undefined)
    assert.equal(certifyCommit(sealed, blocks.slice(1)), undefined)
    assert.equal(certifyCommit(sealed, [...blocks, block({})]), undefined)
  })
})

describe('commit votes', () => {
  it('tell the highest commit that a quorum has reached', () => {
    const monitor = new CommitVoteMonitor([1, 1, 1, 1], 3)
    const see = (author: number, index: number): number => {
      monitor.observe(block({ author, ancestors: [ref(4, author)], commitVotes: [vote(index)] }))
      return monitor.quorumIndex
    }
    assert.deepEqual([see(0, 10), see(1, 7), see(2, 5), see(3, 6), see(2, 3), see(2, 20)], [0, 0, 5, 6, 6, 7])
  })

  it('wait in order, and only the newest when there are too many', () => {
    const pending = new PendingCommitVotes(10)
    for (let index = 1; index <= 3; index++) pending.add(vote(index))
    assert.deepEqual(
      pending.take(2).map(({ index }) => index),
      [1, 2],
    )
    for (let index = 4; index <= 1000; index++) pending.add(vote(index))
    const left = pending.take(100).map(({ index }) => index)
    assert.ok(left.length <= 20 && left.at(-1) === 1000, String(left))
  })
})
