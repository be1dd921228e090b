import assert from 'node:assert/strict'
import { genesisBlocks } from '../../src/consensus/genesis.ts'
import { blockOf, leadersOf, missingBlocks, statusOf } from '../../src/consensus/queries.ts'
import type { SignedBlock } from '../../src/consensus/types.ts'
import { FakeValidator } from './committee.ts'
import { four, made } from './committee-network.ts'

/** Short memories, so that a few rounds suffice. */
export const trustParameters = { gcDepth: 10, commitsPerSchedule: 0 }
const cheat = 3

/** Three honest validators, and a fourth whose blocks are made by hand and shown to whom it pleases. */
export class TrustScene {
  readonly honest = [0, 1, 2].map((own) => new FakeValidator(four, own, trustParameters))
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
export function trustScene(beforeTheLie: (first: FakeValidator) => void = () => {}) {
  const play = new TrustScene()
  const [x, y, z] = play.honest as [FakeValidator, FakeValidator, FakeValidator]
  const isLed = (round: number): boolean => leadersOf(x.state, round).includes(cheat)
  let leader = 15
  while (!isLed(leader) || [1, 2, 3].some((above) => isLed(leader + above))) leader++
  for (let round = 1; round < leader; round++) {
    const all = [...play.madeAt(round), play.cheatAt(round)]
    for (const validator of play.honest) play.show(validator, ...all)
  }
  for (const seer of [x, y]) play.show(seer, ...play.madeAt(leader), play.cheatAt(leader))
  play.show(z, ...play.madeAt(leader))
  z.step({ type: 'timer', kind: 'leaderTimeout', round: leader + 1 })
  for (const seer of [x, y]) play.show(seer, ...play.madeAt(leader + 1), play.cheatAt(leader + 1))
  play.show(z, ...play.madeAt(leader + 1))
  play.fetch()
  for (const validator of play.honest) play.show(validator, ...play.madeAt(leader + 2))
  play.fetch()
  play.show(x, play.cheatAt(leader + 2))
  assert.equal(statusOf(x.state).lastCommitRound, leader, 'the first alone has committed')
  for (const other of [y, z]) assert.equal(statusOf(other.state).lastCommitRound, leader - 1)
  beforeTheLie(x)
  const invented = { round: leader - trustParameters.gcDepth, author: cheat, digest: 'ee'.repeat(32) }
  const below = play.madeAt(leader + 2)
  const lie = made(four, cheat, below, { ancestors: [invented, ...below.map(({ ref }) => ref)] })
  play.show(x, lie, ...play.madeAt(leader + 3))
  return { play, x, y, z, lie, leader }
}
