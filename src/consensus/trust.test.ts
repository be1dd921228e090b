import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeValidator } from '../../test/fake/committee.ts'
import { assertOneSequence, four } from '../../test/fake/committee-network.ts'
import { trustParameters as parameters, trustScene } from '../../test/fake/trust-scene.ts'
import { blockOf, blocksInMemory, missingBlocks, statusOf } from './queries.ts'

describe('ancestors that are taken on trust', () => {
  it('are only those below a commit that a quorum has voted for, so that nobody builds on what others cannot take', () => {
    const { play, x, lie, leader } = trustScene()
    assert.equal(blockOf(x.state, lie.ref), undefined, 'it waits')
    for (let round = 0; round < 40; round++) play.goOn()
    assertOneSequence(play.honest)
    for (const { state } of play.honest) assert.ok(statusOf(state).lastCommitRound > leader + 20)
    for (const { state } of play.honest) assert.deepEqual(missingBlocks(state), [])
  })

  it('halt the others when one has taken them too early; who is stalled and knows all blocks takes them too', () => {
    const { play, x, y, z, lie, leader } = trustScene((first) => first.step({ type: 'stalled' }))
    assert.notEqual(blockOf(x.state, lie.ref), undefined)
    for (let round = 0; round < 20; round++) play.goOn()
    for (const other of [y, z]) assert.ok(statusOf(other.state).lastCommitRound < leader, 'all stand still')
    const stuckAt = statusOf(x.state).round
    for (const validator of play.honest) validator.state = validator.recovered()
    for (const validator of play.honest) {
      validator.step({ type: 'start' })
      validator.step({ type: 'subscribers', count: 2 })
    }
    assert.notEqual(blockOf(x.state, lie.ref), undefined, 'the log is believed')
    for (let round = 0; round < 20; round++) play.goOn()
    assert.equal(statusOf(x.state).round, stuckAt, 'a restart changes nothing')
    for (const other of [y, z]) {
      play.show(other, ...[...blocksInMemory(x.state)].map(({ block }) => block))
      other.step({ type: 'stalled' })
    }
    for (let round = 0; round < 40; round++) play.goOn()
    assertOneSequence(play.honest)
    for (const { state } of play.honest) assert.ok(statusOf(state).lastCommitRound > leader + 20)
  })

  it('are those below a commit that a peer has proven with the votes of a quorum, after a restart too', () => {
    const { play, x, y, z, leader } = trustScene()
    for (let round = 0; round < 40; round++) play.goOn()
    const commits = x.log.flatMap((record) => (record.type === 'commit' ? [record.sealed.ref] : []))
    const target = commits.find(({ index }) => index === statusOf(x.state).lastCommit.index - 5)!
    const late = new FakeValidator(four, 0, parameters)
    const voters = [x, y, z].map((voter) => {
      return voter.log.flatMap((record) =>
        record.type === 'block' && record.own && record.block.block.commitVotes.some((v) => v.digest === target.digest)
          ? record.block
          : [],
      )[0]!
    })
    late.step({ type: 'commitVotes', blocks: voters.slice(0, 2) })
    const blocks = x.log.flatMap((record) => (record.type === 'block' ? record.block : []))
    late.step({ type: 'blocks', from: 1, blocks: blocks.filter(({ ref }) => ref.round <= leader + 25) })
    late.step({ type: 'commitVotes', blocks: voters })
    assert.deepEqual(
      late.log.flatMap((record) => (record.type === 'voter' ? record.block.ref.author : [])).toSorted(),
      [0, 1, 2],
    )
    assert.equal(late.recovered().certificates.head.ref.index, late.state.certificates.head.ref.index)
  })
})
