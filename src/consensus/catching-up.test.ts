import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeValidator } from '../../test/fake/committee.ts'
import { assertOneSequence, four, made, network, runRounds } from '../../test/fake/committee-network.ts'
import { blockOf, blocksInMemory, blocksOfAuthor, leadersOf, reputationOf, statusOf } from './queries.ts'
import type { CertifiedCommit } from './types.ts'
import { certifyCommit } from './verify-commits.ts'

/** The log of a validator as the committee's proof for others. */
function certified(validator: FakeValidator, after = 0): CertifiedCommit[] {
  return validator.log.flatMap((record) => {
    if (record.type !== 'commit' || record.sealed.ref.index <= after) return []
    const blocks = record.sealed.commit.blocks.map((ref) => validator.find(ref)!)
    return certifyCommit(record.sealed, blocks)!
  })
}

describe('catching up by certified commits', () => {
  const parameters = { gcDepth: 10, commitsPerSchedule: 25 }

  it('gives the same sequence, scores and schedule far beyond the collected rounds', () => {
    const net = network(10, parameters)
    net.begin()
    runRounds(net, 120)
    const ahead = net.validators[1]!
    const late = new FakeValidator(four, 0, parameters)
    late.step({ type: 'start' }, 0)
    for (const commit of certified(ahead)) late.step({ type: 'certifiedCommits', commits: [commit] }, 0)
    assert.deepEqual(late.sequence, ahead.sequence)
    assert.deepEqual(statusOf(late.state).lastCommit, statusOf(ahead.state).lastCommit)
    assert.deepEqual(reputationOf(late.state), reputationOf(ahead.state))
    assert.deepEqual(leadersOf(late.state, 500), leadersOf(ahead.state, 500))
    assert.ok(statusOf(late.state).dagBlocks < 100)
  })

  it('goes on by the normal rule afterwards', () => {
    const net = network(11, parameters)
    const late = net.validators[0]!
    net.down.add(late)
    net.begin()
    runRounds(net, 100)
    net.down.delete(late)
    net.happen(late, { type: 'certifiedCommits', commits: certified(net.validators[1]!) })
    for (const peer of net.validators.slice(1)) {
      net.happen(late, {
        type: 'blocks',
        from: peer.own,
        blocks: [...blocksInMemory(peer.state)].map(({ block }) => block),
      })
    }
    net.runUntil(() => net.validators.every(({ state }) => state.clock.round > 140))
    assertOneSequence(net.validators)
    assert.ok(statusOf(late.state).lastCommitRound > 130)
    assert.ok(late.log.some((record) => record.type === 'block' && record.own && record.block.ref.round > 100))
  })

  it('passes over commits it has and takes live blocks that wait for collected ones', () => {
    const net = network(12, parameters)
    const late = net.validators[0]!
    net.begin()
    runRounds(net, 10)
    net.down.add(late)
    runRounds(net, 60)
    const peer = net.validators[1]!
    const live = blocksOfAuthor(peer.state, 1, 55)
    late.step({ type: 'blocks', from: 1, blocks: live }, 0)
    assert.ok(statusOf(late.state).suspendedBlocks > 0)
    late.step({ type: 'certifiedCommits', commits: certified(peer) }, 0)
    assert.deepEqual(late.sequence, peer.sequence)
  })

  it('takes blocks whose missing ancestors fell behind the collected round, and says what was collected', () => {
    const net = network(15, parameters)
    net.begin()
    runRounds(net, 60)
    const peer = net.validators[1]!
    const top = statusOf(peer.state).lastCommitRound
    const below = [...blocksInMemory(peer.state)].flatMap(({ block, committed }) =>
      committed && block.ref.round === top - 1 && block.ref.author !== 3 ? block : [],
    )
    const unknown = { round: top - 20, author: 3, digest: 'ee'.repeat(32) }
    const child = made(four, 2, below, { ancestors: [...below.map(({ ref }) => ref), unknown] })
    const late = new FakeValidator(four, 0, parameters)
    late.step({ type: 'start' }, 0)
    late.step({ type: 'blocks', from: 2, blocks: [child] }, 0)
    assert.equal(statusOf(late.state).suspendedBlocks, 1)
    const effects = late.step({ type: 'certifiedCommits', commits: certified(peer) }, 0)
    const collected = effects.flatMap((effect) => (effect.type === 'collected' ? effect.gcRound : []))
    assert.deepEqual(blockOf(late.state, child.ref), child)
    assert.equal(collected.at(-1), statusOf(late.state).gcRound)
    assert.equal(collected.at(-1), top - 10)
    assert.ok(late.log.some((record) => record.type === 'block' && record.block.ref.digest === child.ref.digest))
  })

  it('throws when a quorum voted for something else than the protocol gives', () => {
    const net = network(13)
    net.begin()
    runRounds(net, 20)
    const [first] = certified(net.validators[0]!)
    const forged = { ...first!, sealed: { ...first!.sealed, ref: { ...first!.sealed.ref, digest: 'ff'.repeat(32) } } }
    const late = new FakeValidator(four, 0)
    assert.throws(() => late.step({ type: 'certifiedCommits', commits: [forged] }), { code: 'INVARIANT_BROKEN' })
    const gap = certified(net.validators[0]!).slice(3)
    const other = new FakeValidator(four, 0)
    assert.throws(() => other.step({ type: 'certifiedCommits', commits: gap }), { code: 'INVARIANT_BROKEN' })
  })

  it('reads live blocks only for their votes while far behind', () => {
    const net = network(14, { maxCommitLag: 5 })
    net.begin()
    runRounds(net, 40)
    const late = new FakeValidator(four, 0, { maxCommitLag: 5 })
    late.step({ type: 'start' }, 0)
    for (const peer of net.validators.slice(1)) {
      late.step({ type: 'blocks', from: peer.own, blocks: blocksOfAuthor(peer.state, peer.own, 30) }, 0)
    }
    const { quorumCommitIndex, suspendedBlocks, lastCommit } = statusOf(late.state)
    assert.ok(quorumCommitIndex > 25, `${quorumCommitIndex}`)
    assert.equal(lastCommit.index, 0)
    const before = suspendedBlocks
    late.step({ type: 'blocks', from: 1, blocks: blocksOfAuthor(net.validators[1]!.state, 2, 30) }, 0)
    assert.equal(statusOf(late.state).suspendedBlocks, before)
  })
})
