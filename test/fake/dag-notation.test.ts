import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDag } from './dag-notation.ts'

const dag = (rounds: string): string => `DAG { Round 0 : { 4 }, Round 1 : { * }, ${rounds} }`
const lastRound = (rounds: string) => readDag(dag(rounds)).blocks.slice(4)

describe('the notation for DAGs', () => {
  it('reads a round in which everybody links everybody', () => {
    const { size, blocks } = readDag('DAG { Round 0 : { 4 }, Round 1 : { * } }')
    assert.equal(size, 4)
    assert.deepEqual(
      blocks,
      ['A1', 'B1', 'C1', 'D1'].map((name) => [name, ['A0', 'B0', 'C0', 'D0']]),
    )
  })

  it('reads all, all but some, named and mixed parents', () => {
    assert.deepEqual(lastRound('Round 2 : { A -> [*], B -> [-A1], C -> [A1, B1], D -> [], }'), [
      ['A2', ['A1', 'B1', 'C1', 'D1']],
      ['B2', ['B1', 'C1', 'D1']],
      ['C2', ['A1', 'B1']],
      ['D2', []],
    ])
    assert.deepEqual(lastRound('Round 2 : { A -> [*, A0], B -> [-A1, -B1, A0] }'), [
      ['A2', ['A1', 'B1', 'C1', 'D1', 'A0']],
      ['B2', ['C1', 'D1', 'A0']],
    ])
  })

  it('reads authorities by number', () => {
    const { blocks } = readDag('DAG { Round 0 : { 30 }, Round 1 : { [26] -> [A0, [27]0] } }')
    assert.deepEqual(blocks, [['[26]1', ['A0', '[27]0']]])
  })

  it('refuses what it cannot read', () => {
    assert.throws(() => readDag('Round 0 : { 4 }'), /not DAG/)
    assert.throws(() => readDag('DAG { Round 1 : { * } }'), /Round 0/)
    assert.throws(() => readDag(dag('Round 3 : { * }')), /Round 3 comes after round 1/)
    assert.throws(() => readDag(dag('Round 2 : { A => [*] }')), /Cannot read/)
    assert.throws(() => readDag(dag('Round 2 : { A -> [-A9] }')), /A9 is not in the round before/)
  })
})
