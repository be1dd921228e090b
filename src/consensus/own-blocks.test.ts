import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OwnBlocks } from './own-blocks.ts'
import type { SignedBlock } from './types.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** An own block, as far as it matters here. */
function block(round: number, ...transactions: Uint8Array[]): SignedBlock {
  return { ref: { round, author: 0, digest: `${round}` }, block: { transactions } } as unknown as SignedBlock
}

const ordered = (): boolean => true
const unordered = (): boolean => false

describe('own blocks that nobody ordered', () => {
  it('gives their transactions back once their round is collected, oldest first', () => {
    const own = new OwnBlocks()
    for (const round of [1, 2, 3]) own.add(block(round, bytes(round), bytes(round, round)))
    own.collect(2, ({ round }) => round === 1)
    assert.deepEqual(own.orphaned, [bytes(2), bytes(2, 2)])
    own.collect(2, unordered)
    own.collect(3, ordered)
    assert.deepEqual(own.orphaned, [bytes(2), bytes(2, 2)])
  })

  it('hands out within the limits and each one once', () => {
    const own = new OwnBlocks([bytes(1), bytes(2, 2), bytes(3)])
    assert.deepEqual(own.take(5, 2), [bytes(1)])
    assert.deepEqual(own.take(1, 100), [bytes(2, 2)])
    assert.deepEqual(own.take(0, 100), [])
    assert.deepEqual(own.take(9, 100), [bytes(3)])
    assert.deepEqual(own.take(9, 100), [])
  })

  it('finds out in a replay what was proposed again already', () => {
    const own = new OwnBlocks([bytes(1), bytes(2), bytes(3)])
    own.replay(block(7, bytes(1), bytes(2), bytes(9)))
    assert.deepEqual(own.orphaned, [bytes(3)])
    own.replay(block(8, bytes(9), bytes(3)))
    assert.deepEqual(own.orphaned, [bytes(3)])
    own.collect(7, unordered)
    assert.deepEqual(own.orphaned, [bytes(3), bytes(1), bytes(2), bytes(9)])
  })
})
