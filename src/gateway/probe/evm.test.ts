import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { unknownNetwork } from '../../../test/fake/gate.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { UpstreamState } from '../upstream/state.ts'
import { type ProbeAsk, ProbeError, ProbeSchedule } from './ask.ts'
import { evmProbe } from './evm.ts'

const hash = `0x${'ab'.repeat(32)}`
const healthy: Record<string, unknown> = {
  eth_blockNumber: '0x64',
  eth_syncing: false,
  eth_chainId: '0x539',
  latest: { hash, number: '0x64' },
  safe: { number: '0x60' },
  finalized: { number: '0x50' },
}

type Script = Readonly<Record<string, unknown>>

/** A JSON-RPC error in the place of a result. */
class Refusal {
  readonly error = { code: -32601, message: 'no such method' }
}

function stage(script: Script = {}) {
  const clock = new VirtualClock()
  const [upstream] = unknownNetwork({ upstreams: ['a'] }).upstreams as [UpstreamState]
  const asked: string[] = []
  const answers: Record<string, unknown> = { ...healthy, ...script }
  const ask: ProbeAsk = async (_, { body }) => {
    const { id, method, params } = JSON.parse(String(body)) as { id: number; method: string; params: string[] }
    const key = method === 'eth_getBlockByNumber' ? params[0]! : method
    asked.push(key)
    const answer = answers[key]
    if (answer instanceof Error) throw answer
    const content = answer instanceof Refusal ? { error: answer.error } : { result: answer }
    const text = Buffer.isBuffer(answer) ? answer : Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, ...content }))
    return { status: 200, headers: [], body: text }
  }
  const probe = evmProbe(new ProbeSchedule(clock))
  return { clock, upstream, asked, answers, look: () => probe(upstream, ask) }
}

describe('the probe of an execution client', () => {
  it('reads height, chain, sync state and the blocks of the tags', async () => {
    assert.deepEqual(await stage().look(), {
      head: 100,
      syncing: undefined,
      chain: '1337',
      headHash: hash,
      safe: 96,
      finalized: 80,
    })
  })

  it('takes a node that has all blocks it knows of for one that is not behind: it indexes, or has just begun', async () => {
    for (const [currentBlock, highestBlock] of [
      ['0x64', '0x64'],
      ['0x65', '0x64'],
      ['0x0', '0x0'],
    ]) {
      const { look } = stage({ eth_syncing: { currentBlock, highestBlock, txIndexRemainingBlocks: '0x5' } })
      assert.equal((await look()).syncing, undefined)
    }
    const { look } = stage({ eth_syncing: { currentBlock: '0x63', highestBlock: '0x64' } })
    assert.equal((await look()).syncing, 'syncing: block 99 of 100')
  })

  it('asks for blocks only when the head has moved', async () => {
    const { upstream, asked, look } = stage()
    Object.assign(upstream, { head: 100, headHash: hash })
    await look()
    assert.ok(!asked.includes('latest'), `${asked}`)
    upstream.head = 99
    await look()
    assert.ok(asked.includes('latest'))
  })

  it('asks for the chain at first, every ten seconds, and whenever the upstream was not well', async () => {
    const { clock, upstream, asked, look } = stage()
    const asksForChain = async (): Promise<boolean> => {
      asked.length = 0
      await look()
      return asked.includes('eth_chainId')
    }
    upstream.eligible = true
    assert.equal(await asksForChain(), true)
    assert.equal(await asksForChain(), false)
    clock.advance(9999)
    assert.equal(await asksForChain(), false)
    clock.advance(1)
    assert.equal(await asksForChain(), true)
    upstream.failuresInARow = 1
    assert.equal(await asksForChain(), true)
    Object.assign(upstream, { failuresInARow: 0, eligible: false })
    assert.equal(await asksForChain(), true)
  })

  it('asks for the chain when the head leaps, as it does when another node answers at the same address', async () => {
    const { upstream, asked, look } = stage()
    upstream.eligible = true
    await look()
    for (const [before, asks] of [
      [99, false],
      [68, false],
      [67, true],
      [101, true],
    ] as const) {
      asked.length = 0
      upstream.head = before
      await look()
      assert.equal(asked.includes('eth_chainId'), asks, `from ${before} to 100`)
    }
  })

  it('believes a node that says it is syncing, in whatever form', async () => {
    const says = async (eth_syncing: unknown) => (await stage({ eth_syncing }).look()).syncing
    assert.equal(await says({ currentBlock: '0x1', highestBlock: '0x9' }), 'syncing: block 1 of 9')
    for (const form of [true, {}, { currentBlock: 5 }, { stages: [] }, { currentBlock: null, highestBlock: [] }]) {
      assert.equal(await says(form), 'syncing', JSON.stringify(form))
    }
    for (const form of [false, null, 'no', 0]) assert.equal(await says(form), undefined)
  })

  it('makes no failure of methods that a node does not have', async () => {
    const refused = new Refusal()
    const facts = await stage({ eth_syncing: refused, latest: refused, safe: refused, finalized: refused }).look()
    assert.deepEqual(facts, {
      head: 100,
      syncing: undefined,
      chain: '1337',
      headHash: undefined,
      safe: undefined,
      finalized: undefined,
    })
  })

  it('fails when the height or the chain is refused or is none', async () => {
    for (const method of ['eth_blockNumber', 'eth_chainId']) {
      for (const answer of [new Refusal(), null, 100, {}, '100', '0x', '0xzz', '']) {
        await assert.rejects(stage({ [method]: answer }).look(), ProbeError, `${method} ${JSON.stringify(answer)}`)
      }
    }
  })

  it('fails when there is no answer', async () => {
    const gone = new ProbeError('connection refused')
    await assert.rejects(stage({ eth_blockNumber: gone }).look(), gone)
    await assert.rejects(stage({ safe: gone }).look(), gone)
  })

  it('does not repeat a long answer in its error', async () => {
    await assert.rejects(stage({ eth_blockNumber: 'x'.repeat(10_000) }).look(), ({ message }) => message.length < 200)
  })

  it('gives facts of the right types or a ProbeError, whatever the node answers', async () => {
    const garbage = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        true,
        '0x1',
        '0xffffffffffffffffff',
        { toString: 1 },
        { currentBlock: {}, highestBlock: { a: 1 } },
      ),
      fc.record({ number: fc.jsonValue(), hash: fc.jsonValue() }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.constant(new Refusal()),
    )
    const scripts = fc.dictionary(fc.constantFrom(...Object.keys(healthy)), garbage)
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        let facts: Awaited<ReturnType<ReturnType<typeof stage>['look']>>
        try {
          facts = await stage(script).look()
        } catch (error) {
          assert.ok(error instanceof ProbeError, String((error as Error).stack))
          return
        }
        assert.ok(Number.isSafeInteger(facts.head) && facts.head >= 0)
        for (const number of [facts.safe, facts.finalized])
          assert.ok(number === undefined || Number.isSafeInteger(number))
        for (const text of [facts.chain, facts.headHash, facts.syncing])
          assert.ok(['string', 'undefined'].includes(typeof text))
      }),
      { numRuns: 500 },
    )
  })
})
