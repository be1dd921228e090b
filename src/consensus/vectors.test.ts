import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { fakeCommittee } from '../../test/fake/committee.ts'
import { seededRandom } from '../core/random.ts'
import { decodeSignedBlock, sealBlock } from './block-codec.ts'
import { BlockManager } from './block-manager.ts'
import { Committer } from './committer.ts'
import { Dag, DagNode } from './dag.ts'
import { parseBlockName, slotName } from './dag-names.ts'
import { genesisBlocks } from './genesis.ts'
import { decideTextDag, decisionText, GrowingDag, ruleOf, type TextDag, type TextDecision } from './text-dag.ts'
import type { SignedBlock } from './types.ts'

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

/** The DAG as signed blocks in bytes, as they would lie on disk, with the name of each. */
function asBytes(vector: Vector) {
  const { committee } = fakeCommittee(vector.stakes)
  const refs = new Map(genesisBlocks(committee).map(({ ref }) => [slotName(ref), ref]))
  const names = new Map<string, string>()
  const bytes = vector.blocks.map(([name, parents]) => {
    const { round, author, sibling } = parseBlockName(name)
    const ancestors = parents.map((parent) => refs.get(parent)!)
    // Siblings with the same parents differ in time.
    const rest = { timestampMs: sibling, ancestors, transactions: [], commitVotes: [], transactionVotes: [] }
    const sealed = sealBlock(committee, { epoch: 0, round, author, ...rest }, () => new Uint8Array(64))
    refs.set(name, sealed.ref)
    names.set(sealed.ref.digest, name)
    return sealed.bytes
  })
  return { committee, bytes, names }
}

/** What a validator decides that reads these bytes back: through codec, block manager and committer. */
function decideBytes(vector: Vector, { committee, bytes, names }: ReturnType<typeof asBytes>): readonly TextDecision[] {
  const dag = new Dag<SignedBlock>(committee.size)
  const committer = new Committer(dag, ruleOf(vector))
  const manager = new BlockManager(dag, { maxSuspendedPerAuthor: 1000, maxSiblings: 1 })
  for (const block of genesisBlocks(committee)) dag.add(new DagNode(block.ref, [], block))
  for (const each of bytes) {
    for (const node of manager.receive(decodeSignedBlock(each, committee), true).accepted) committer.observe(node)
    committer.decide()
  }
  return committer.decide().map((decision) => {
    const [fate, how, name] = decisionText(decision)
    return [fate, how, names.get(name) ?? name]
  })
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

  it('are decided alike as blocks in bytes, read in order and backwards', () => {
    for (const vector of vectors) {
      const written = asBytes(vector)
      assert.deepEqual(decideBytes(vector, written), vector.decisions, `seed ${vector.seed}`)
      const backwards = { ...written, bytes: written.bytes.toReversed() }
      assert.deepEqual(decideBytes(vector, backwards), vector.decisions, `seed ${vector.seed}`)
    }
  })
})
