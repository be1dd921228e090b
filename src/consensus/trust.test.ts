import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeValidator } from '../../test/fake/committee.ts'
import { assertOneSequence, four, made } from '../../test/fake/committee-network.ts'
import { genesisBlocks } from './genesis.ts'
import { blockOf, blocksInMemory, leadersOf, missingBlocks, statusOf } from './queries.ts'
import type { SignedBlock } from './types.ts'

const parameters = { gcDepth: 10, commitsPerSchedule: 0 }
const cheat = 3

/** Three honest validators, and a fourth whose blocks are made by hand and shown to whom it pleases. */
class Scene {
  readonly honest = [0, 1, 2].map((own) => new FakeValidator(four, own, parameters))
  readonly #ofCheat: SignedBlock[] = [genesisBlocks(four.committee)[cheat]!]

  constructor() {
    for (const validator of this.honest) validator.begin()
  }

  /** What the honest three have made for a round. */
  madeAt(round: number): readonly SignedBlock[] {
    if (round === 0) return genesisBlocks(four.committee).slice(0, cheat)
    return this.honest.flatMap(({ sent }) => sent.filter(({ ref }) => ref.round === round))
  }

  cheatAt(round: number): SignedBlock {
    this.#ofCheat[round] ??= made(four, cheat, [this.#ofCheat[round - 1]!, ...this.madeAt(round - 1)])
    return this.#ofCheat[round]!
  }

  show(to: FakeValidator, ...blocks: readonly SignedBlock[]): void {
    to.step({ type: 'blocks', from: cheat, blocks: blocks.filter(({ ref }) => ref.author !== to.own) })
  }

  /** Everybody fetches what it misses from whoever has accepted it. */
  fetch(): void {
    for (const validator of this.honest) {
      const has = (ref: SignedBlock['ref']) => this.honest.flatMap(({ state }) => blockOf(state, ref) ?? []).slice(0, 1)
      for (let found = missingBlocks(validator.state).flatMap(has); found.length > 0; ) {
        this.show(validator, ...found)
        found = missingBlocks(validator.state).flatMap(has)
      }
    }
  }

  /** A round without the cheat: blocks go round, what is missing is fetched, and leaders time out. */
  goOn(): void {
    const all = this.honest.flatMap(({ sent }) => sent.slice(-3))
    for (const validator of this.honest) this.show(validator, ...all)
    this.fetch()
    for (const validator of this.honest) {
      validator.step({ type: 'timer', kind: 'leaderTimeout', round: validator.state.clock.round })
    }
  }
}

/**
 * Up to the moment when the first validator alone has committed the cheat's leader, and is shown a block above it whose
 * own ancestor at the round that it would collect was invented.
 */
function scene(beforeTheLie: (first: FakeValidator) => void = () => {}) {
  const made4 = new Scene()
  const [x, y, z] = made4.honest as [FakeValidator, FakeValidator, FakeValidator]
  const isLed = (round: number): boolean => leadersOf(x.state, round).includes(cheat)
  let leader = 15
  while (!isLed(leader) || [1, 2, 3].some((above) => isLed(leader + above))) leader++
  for (let round = 1; round < leader; round++) {
    const all = [...made4.madeAt(round), made4.cheatAt(round)]
    for (const validator of made4.honest) made4.show(validator, ...all)
  }
  for (const seer of [x, y]) made4.show(seer, ...made4.madeAt(leader), made4.cheatAt(leader))
  made4.show(z, ...made4.madeAt(leader))
  z.step({ type: 'timer', kind: 'leaderTimeout', round: leader + 1 })
  for (const seer of [x, y]) made4.show(seer, ...made4.madeAt(leader + 1), made4.cheatAt(leader + 1))
  made4.show(z, ...made4.madeAt(leader + 1))
  made4.fetch()
  for (const validator of made4.honest) made4.show(validator, ...made4.madeAt(leader + 2))
  made4.fetch()
  made4.show(x, made4.cheatAt(leader + 2))
  assert.equal(statusOf(x.state).lastCommitRound, leader, 'the first alone has committed')
  for (const other of [y, z]) assert.equal(statusOf(other.state).lastCommitRound, leader - 1)
  beforeTheLie(x)
  const invented = { round: leader - parameters.gcDepth, author: cheat, digest: 'ee'.repeat(32) }
  const below = made4.madeAt(leader + 2)
  const lie = made(four, cheat, below, { ancestors: [invented, ...below.map(({ ref }) => ref)] })
  made4.show(x, lie, ...made4.madeAt(leader + 3))
  return { made4, x, y, z, lie, leader }
}

describe('ancestors that are taken on trust', () => {
  it('are only those below a commit that a quorum has voted for, so that nobody builds on what others cannot take', () => {
    const { made4, x, lie, leader } = scene()
    assert.equal(blockOf(x.state, lie.ref), undefined, 'it waits')
    for (let round = 0; round < 40; round++) made4.goOn()
    assertOneSequence(made4.honest)
    for (const { state } of made4.honest) assert.ok(statusOf(state).lastCommitRound > leader + 20)
    for (const { state } of made4.honest) assert.deepEqual(missingBlocks(state), [])
  })

  it('halt the others when one has taken them too early; who is stalled and knows all blocks takes them too', () => {
    const { made4, x, y, z, lie, leader } = scene((first) => first.step({ type: 'stalled' }))
    assert.notEqual(blockOf(x.state, lie.ref), undefined)
    for (let round = 0; round < 20; round++) made4.goOn()
    for (const other of [y, z]) assert.ok(statusOf(other.state).lastCommitRound < leader, 'all stand still')
    const stuckAt = statusOf(x.state).round
    for (const validator of made4.honest) validator.state = validator.recovered()
    for (const validator of made4.honest) {
      validator.step({ type: 'start' })
      validator.step({ type: 'subscribers', count: 2 })
    }
    assert.notEqual(blockOf(x.state, lie.ref), undefined, 'the log is believed')
    for (let round = 0; round < 20; round++) made4.goOn()
    assert.equal(statusOf(x.state).round, stuckAt, 'a restart changes nothing')
    for (const other of [y, z]) {
      made4.show(other, ...[...blocksInMemory(x.state)].map(({ block }) => block))
      other.step({ type: 'stalled' })
    }
    for (let round = 0; round < 40; round++) made4.goOn()
    assertOneSequence(made4.honest)
    for (const { state } of made4.honest) assert.ok(statusOf(state).lastCommitRound > leader + 20)
  })

  it('are those below a commit that a peer has proven with the votes of a quorum, after a restart too', () => {
    const { made4, x, y, z, leader } = scene()
    for (let round = 0; round < 40; round++) made4.goOn()
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
