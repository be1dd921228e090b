import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FakeValidator } from '../../test/fake/committee.ts'
import { type RaggedDag, type RaggedOptions, raggedDag } from '../../test/fake/ragged-dag.ts'
import { type ConsensusState, recoverConsensus } from './consensus.ts'
import { leadersOf, reputationOf } from './queries.ts'
import type { CertifiedCommit, SealedCommit, SignedBlock } from './types.ts'

const thin = { rounds: 60, size: 7, droppedLinks: 0.8 }
/** Schedules longer than the collected depth, shorter, and shorter than one round's leaders. */
const long: RaggedOptions = {}
const short: RaggedOptions = { ...thin, leadersPerRound: 3, commitsPerSchedule: 3 }
const tiny: RaggedOptions = { leadersPerRound: 3, commitsPerSchedule: 1 }

/** Seeds whose DAGs once split validators that must agree. */
const known: [number, RaggedOptions][] = [
  ...[186, 146, 151, 230].map((seed): [number, RaggedOptions] => [seed, long]),
  ...[70211, 70025, 70273].map((seed): [number, RaggedOptions] => [seed, short]),
  [50158, tiny],
]

/** A failure prints seed and options: `raggedDag(seed, options)` makes its DAG again. */
function forAnyDag(check: (dag: RaggedDag) => void): void {
  const property = fc.property(fc.nat(), fc.constantFrom(long, short, tiny), (seed, options) => {
    check(raggedDag(seed, options))
  })
  fc.assert(property, { examples: known, numRuns: known.length + 12, endOnFailure: true })
}

function hear(validator: FakeValidator, blocks: readonly SignedBlock[]): void {
  for (const block of blocks) validator.step({ type: 'blocks', from: 1, blocks: [block] })
}

function validatorThatHears({ fake, parameters }: RaggedDag, blocks: readonly SignedBlock[]): FakeValidator {
  const validator = new FakeValidator(fake, 0, parameters)
  hear(validator, blocks)
  const refused = validator.effects.filter(({ type }) => type === 'refused')
  assert.deepEqual(refused, [], 'every block is valid')
  return validator
}

const commitsOf = ({ log }: FakeValidator): readonly SealedCommit[] =>
  log.flatMap((record) => (record.type === 'commit' ? record.sealed : []))

const contentsOf = (commits: readonly SealedCommit[]) => commits.map(({ ref, commit }) => [ref, commit])

const certified = (validator: FakeValidator, commits: readonly SealedCommit[]): readonly CertifiedCommit[] =>
  commits.map((sealed) => ({ sealed, blocks: sealed.commit.blocks.map((ref) => validator.find(ref)!) }))

/** What decides every later commit. */
const futureOf = (state: ConsensusState) => ({
  head: state.head.ref,
  scores: reputationOf(state),
  leaders: Array.from({ length: 40 }, (_, at) => leadersOf(state, state.head.leaderRound + at)),
})

describe('blocks that come late', () => {
  it('give the same commits with the same digests, whatever the order of arrival', () => {
    forAnyDag((dag) => {
      const [first, ...others] = dag.arrivals.map((blocks) => commitsOf(validatorThatHears(dag, blocks)))
      assert.ok(first!.length > 0, 'something is committed')
      for (const commits of others) assert.deepEqual(contentsOf(commits), contentsOf(first!))
    })
  })

  it('leave a log that gives the same head, scores and schedule, with a checkpoint and without', () => {
    forAnyDag((dag) => {
      const validator = validatorThatHears(dag, dag.shuffled)
      const expected = futureOf(validator.state)
      assert.deepEqual(futureOf(validator.recovered()), expected)
      assert.deepEqual(futureOf(recoverConsensus(validator.seams, undefined, validator.log)), expected)
    })
  })

  it('mix with certified commits to the same head', () => {
    forAnyDag((dag) => {
      const blocks = dag.arrivals[0]!
      const ahead = validatorThatHears(dag, blocks)
      const commits = commitsOf(ahead)
      const fetched = certified(ahead, commits.slice(0, dag.sync.commits * commits.length))
      const behind = validatorThatHears(dag, blocks.slice(0, dag.sync.blocks * blocks.length))
      behind.step({ type: 'certifiedCommits', commits: fetched })
      hear(behind, blocks)
      assert.deepEqual(futureOf(behind.state), futureOf(ahead.state))
    })
  })
})
