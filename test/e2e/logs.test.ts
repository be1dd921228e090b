import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json } from '../fake/el-chain.ts'
import type { FakeElNode } from '../fake/el-node.ts'
import { elStage } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const tooWide = { error: { code: -32000, message: 'block range is too wide' } }

interface Filter {
  readonly fromBlock: string
  readonly toBlock: string
}

/** Answers one log per block, for at most `limit` blocks at once. */
function serveLogs(node: FakeElNode, limit: number): void {
  node.answer('eth_getLogs', ([filter]: Json[]) => {
    const { fromBlock, toBlock } = filter as unknown as Filter
    const [from, to] = [Number(fromBlock), Number(toBlock)]
    if (!(to - from + 1 <= limit)) return tooWide
    return Array.from({ length: to - from + 1 }, (_, n) => ({ blockNumber: `0x${(from + n).toString(16)}` }))
  })
}

const blocks = (from: number, to: number): { blockNumber: string }[] =>
  Array.from({ length: to - from + 1 }, (_, n) => ({ blockNumber: `0x${(from + n).toString(16)}` }))
const ask = (from: number, to: number) => [{ fromBlock: `0x${from.toString(16)}`, toBlock: `0x${to.toString(16)}` }]

describe('an eth_getLogs over more blocks than an upstream gives at once', { concurrency: 8 }, () => {
  it('is asked in pieces and answered as one, in the order of blocks', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    serveLogs(nodes[0]!, 100)
    const answer = await gate.call('eth_getLogs', ask(1, 777))
    assert.deepEqual(answer.json.result, blocks(1, 777))
  })

  it('starts the next time with pieces of the size that was accepted', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    serveLogs(nodes[0]!, 100)
    await gate.call('eth_getLogs', ask(1, 160))
    const before = nodes[0]!.callsOf('eth_getLogs').length
    assert.deepEqual((await gate.call('eth_getLogs', ask(1, 400))).json.result, blocks(1, 400))
    // One refusal of the whole, then five pieces of 80.
    assert.equal(nodes[0]!.callsOf('eth_getLogs').length - before, 6)
  })

  it('gets the refusal as received when even one block is too much, and when the pieces would be too many', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    serveLogs(nodes[0]!, 0)
    assert.deepEqual((await gate.call('eth_getLogs', ask(5, 6))).json.error, tooWide.error)
    assert.deepEqual(
      (await gate.call('eth_getLogs', [{ blockHash: `0x${'ab'.repeat(32)}` }])).json.error,
      tooWide.error,
    )
    serveLogs(nodes[0]!, 1)
    assert.deepEqual((await gate.call('eth_getLogs', ask(0, 100_000))).json.error, tooWide.error)
  })

  it('is asked of another upstream where it cannot be asked in pieces, or only in too many', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    const [few, all] = nodes as [FakeElNode, FakeElNode]
    serveLogs(few, 1)
    serveLogs(all, 1_000_000)
    assert.deepEqual((await gate.call('eth_getLogs', ask(1, 5000))).json.result, blocks(1, 5000))
    serveLogs(few, 0)
    for (const [from, to] of [
      [5, 5],
      [5, 6],
    ] as const)
      assert.deepEqual((await gate.call('eth_getLogs', ask(from, to))).json.result, blocks(from, to))
    few.answer('eth_getLogs', { error: { code: -32000, message: 'please specify less number of addresses' } })
    assert.deepEqual((await gate.call('eth_getLogs', ask(1, 9))).json.result, blocks(1, 9))
  })

  it('gets the error of a piece that fails for another reason', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.answer('eth_getLogs', ([filter]: Json[]) => {
      const { fromBlock, toBlock } = filter as unknown as Filter
      if (Number(toBlock) - Number(fromBlock) > 10) return tooWide
      return Number(fromBlock) > 10 ? { error: { code: -32602, message: 'invalid params' } } : []
    })
    assert.equal((await gate.call('eth_getLogs', ask(1, 20))).json.error.message, 'invalid params')
  })
})

describe('a call about a block whose state an upstream has dropped', { concurrency: 8 }, () => {
  it('goes to another upstream, and at once the next time; newer blocks still go to the first', async (t) => {
    const { gate, nodes } = await elStage(t, [{ height: 1000 }, { height: 1000 }], quiet)
    nodes[0]!.answer('eth_getBalance', ([, block]: Json[]) =>
      Number(block) < 100 ? { error: { code: -32000, message: 'missing trie node ab (path )' } } : '0x1',
    )
    nodes[1]!.answer('eth_getBalance', '0x2')
    const balance = async (block: string): Promise<unknown> =>
      (await gate.call('eth_getBalance', ['0xaa', block])).json.result
    assert.equal(await balance('0x50'), '0x2')
    assert.equal(await balance('0x40'), '0x2')
    assert.equal(await balance('0x80'), '0x1')
    assert.deepEqual(
      nodes.map((node) => node.callsOf('eth_getBalance').length),
      [2, 2],
    )
  })
})
