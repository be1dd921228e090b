import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hostileKinds, parseFault } from './faults.ts'
import { uniformLatency } from './latency.ts'
import { createSimulation } from './simulation.ts'

const latency = uniformLatency(20, 0.1, 4)

/** Three honest validators and one that does `word`, if any. */
function run(word: string | undefined, seed: number) {
  const simulation = createSimulation({
    validators: 4,
    seed,
    latency,
    load: 100,
    forMs: 6000,
    faults: word === undefined ? [] : [parseFault(`${word}:3`, 4)],
    leaders: 1,
    signatures: 'hash',
    parameters: { gcDepth: 10, commitsPerSchedule: 10 },
    replica: { penaltyMs: { first: 50, longest: 400 } },
  })
  while (simulation.advance(100)) {}
  return simulation.result(0).report
}

describe('a committee with one hostile member', () => {
  for (const word of hostileKinds) {
    it(`goes on, and loses nothing, under ${word}`, () => {
      for (const seed of [1, 2, 3]) {
        const report = run(word, seed)
        const { lost, doubled } = report.transactions
        assert.deepEqual([report.safety, report.liveness, lost, doubled], ['ok', 'ok', 0, 0], `seed ${seed}`)
        assert.ok(report.commits > 40, `seed ${seed}: ${report.commits} commits`)
        assert.notEqual(report.digest, run(undefined, seed).digest, 'the member did no harm')
      }
    })
  }
})
