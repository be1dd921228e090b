import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { seededRandom } from '../core/random.ts'
import { decideTextDag, GrowingDag, ruleOf, type TextDag, type TextDecision } from './text-dag.ts'

interface Vector extends TextDag {
  readonly decisions: readonly TextDecision[]
}

const file = new URL('../../test/vectors/mysticeti/dags.jsonl.gz', import.meta.url)
const vectors: readonly Vector[] = gunzipSync(readFileSync(file))
  .toString('utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector)

/** A verdict may only turn from indirect into direct, and the list may only grow. */
function assertGrowth(before: readonly TextDecision[], after: readonly TextDecision[], seed: number): void {
  assert.ok(after.length >= before.length, `seed ${seed}: a verdict was taken back`)
  before.forEach(([fate, how, name], at) => {
    const [newFate, newHow, newName] = after[at]!
    assert.deepEqual([newFate, newName], [fate, name], `seed ${seed}: a verdict changed`)
    assert.ok(how === newHow || newHow === 'direct', `seed ${seed}: ${name} went from direct to indirect`)
  })
}

/** The blocks in another order in which parents come first. */
function shuffled(vector: Vector): readonly (readonly [string, readonly string[]])[] {
  const random = seededRandom(vector.seed)
  const waiting = [...vector.blocks]
  const known = new Set(vector.stakes.map((_, author) => `${String.fromCharCode(65 + author)}0`))
  const order: (readonly [string, readonly string[]])[] = []
  while (waiting.length > 0) {
    const ready = waiting.filter(([, parents]) => parents.every((parent) => known.has(parent)))
    const block = ready[random.int(ready.length)]!
    waiting.splice(waiting.indexOf(block), 1)
    known.add(block[0])
    order.push(block)
  }
  return order
}

function feed(vector: Vector, blocks: Vector['blocks']): void {
  const growing = new GrowingDag(vector.stakes.length, ruleOf(vector))
  let before: readonly TextDecision[] = []
  for (const [name, parents] of blocks) {
    growing.add(name, parents)
    const after = growing.decisions()
    assertGrowth(before, after, vector.seed)
    before = after
  }
  assert.deepEqual(before, vector.decisions, `seed ${vector.seed}`)
}

describe('the 600 DAGs decided by the reference', () => {
  it('are all there, with waves of 3, 4 and 5, pipelined and not', () => {
    assert.equal(vectors.length, 600)
    assert.deepEqual([...new Set(vectors.map(({ waveLength }) => waveLength))].sort(), [3, 4, 5])
    assert.equal(vectors.filter(({ pipelined }) => !pipelined).length, 27)
  })

  it('are decided alike when the whole DAG is known', () => {
    for (const vector of vectors) assert.deepEqual(decideTextDag(vector), vector.decisions, `seed ${vector.seed}`)
  })

  it('are decided alike block by block, and no verdict is ever taken back', () => {
    for (const vector of vectors) feed(vector, vector.blocks)
  })

  it('are decided alike in random orders of arrival', () => {
    for (const vector of vectors) feed(vector, shuffled(vector))
  })
})
