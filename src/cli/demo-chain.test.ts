import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseBuilder } from './demo-chain.ts'
import type { DemoBlock } from './demo-rpc.ts'

const at = (height: number): DemoBlock => ({
  number: `0x${height.toString(16)}`,
  hash: `0x${height}`,
  timestamp: '0x0',
  baseFeePerGas: '0x0',
  transactions: [],
})

describe('the choice of who builds the next block', () => {
  it('stays with the present builder while that answers', () => {
    assert.equal(chooseBuilder([at(9), at(10)], 0, at(9)), 0)
    assert.equal(chooseBuilder([at(9), at(10)], 1, at(10)), 1)
  })

  it('passes over silent nodes', () => {
    assert.equal(chooseBuilder([undefined, at(10)], 0, at(10)), 1)
    assert.equal(chooseBuilder([undefined, undefined], 0, at(10)), undefined)
  })

  it('follows a builder through a reorg', () => {
    assert.equal(chooseBuilder([at(95), at(100)], 0, at(100)), 0)
  })

  it('does not let a node that started anew take the chain back to its beginning', () => {
    assert.equal(chooseBuilder([at(0), at(100)], 0, at(100)), 1)
  })

  it('begins again with the highest when every node started anew', () => {
    assert.equal(chooseBuilder([at(0), at(3)], 0, at(100)), 1)
    assert.equal(chooseBuilder([at(0), at(0)], 1, at(100)), 1)
  })
})
