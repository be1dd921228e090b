import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hex } from '../fake/el-node.ts'
import { until } from '../fake/until.ts'
import { clStage, elStage, uniqueParams, untilEligible } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const roundRobin = { ...quiet, routing: { strategy: 'roundRobin' } } as const
const address = `0x${'11'.repeat(20)}`

async function servers(count: number, ask: () => Promise<{ header(name: string): string | undefined }>) {
  let seen = ''
  for (let at = 0; at < count; at++) seen += (await ask()).header('x-drawbridge-upstream')
  return seen
}

/** What names block 103, which only the second of two nodes has. */
const naming: [what: string, method: string, params: unknown[]][] = [
  ['a number', 'eth_getBalance', [address, '0x67']],
  ['a number as EIP-1898 has it', 'eth_call', [{ to: address }, { blockNumber: '0x67' }]],
  ['the end of a range of logs', 'eth_getLogs', [{ fromBlock: '0x1', toBlock: '0x67' }]],
  ['the beginning of a range of logs', 'eth_getLogs', [{ fromBlock: '0x67' }]],
  ['the beginning of a range of logs that is open', 'eth_getLogs', [{ fromBlock: '0x67', toBlock: 'latest' }]],
  ['the end of a range of traces', 'trace_filter', [{ fromBlock: '0x1', toBlock: '0x67' }]],
  ['the number of a block', 'eth_getBlockByNumber', ['0x67', false]],
]

describe('a call that names a block', { concurrency: 8 }, () => {
  for (const [what, method, params] of naming) {
    it(`by ${what} goes to who is known to have it`, async (t) => {
      for (const setup of [quiet, roundRobin, { ...quiet, routing: { strategy: 'balanced' } } as const]) {
        const { gate, nodes } = await elStage(t, [{ height: 100 }, { height: 103 }], setup)
        for (const node of nodes) node.answer('trace_filter', [])
        assert.equal(await servers(6, () => gate.call(method, params)), 'bbbbbb')
        assert.equal(
          nodes[0]!.callsOf(method).filter((call) => JSON.stringify(call.params) === JSON.stringify(params)).length,
          0,
        )
      }
    })
  }

  it('by the hash of a head goes to who is known to have it', async (t) => {
    const { gate, nodes } = await elStage(t, [{ height: 100 }, { height: 103 }], roundRobin)
    const { hash } = nodes[1]!.chain.block(103)
    assert.equal(await servers(4, () => gate.call('eth_getLogs', [{ blockHash: hash }])), 'bbbb')
    assert.equal(await servers(4, () => gate.call('eth_call', [{ to: address }, { blockHash: hash }])), 'bbbb')
  })

  it('that all have is spread as ever', async (t) => {
    const { gate } = await elStage(t, [{ height: 100 }, { height: 103 }], roundRobin)
    const seen = await servers(6, () => gate.call('eth_getBalance', [address, '0x64']))
    assert.deepEqual([...seen].sort().join(''), 'aaabbb')
  })

  it('that nobody has goes where it always went', async (t) => {
    const { gate } = await elStage(t, [{ height: 100 }, { height: 100 }], quiet)
    assert.equal((await gate.call('eth_getBlockByNumber', ['0xffff', false])).header('x-drawbridge-upstream'), 'a')
  })

  it('goes to a backup rather than to a primary that lacks it', async (t) => {
    const upstreams = [{}, { tier: 'backup' as const }]
    const { gate } = await elStage(t, [{ height: 100 }, { height: 103 }], { ...quiet, upstreams })
    assert.equal(await servers(2, () => gate.call('eth_getBalance', [address, '0x67'])), 'bb')
    assert.equal(await servers(1, () => gate.call('eth_getBalance', [address, '0x60'])), 'a')
  })

  it('of the beacon chain by slot goes to who is known to have it', async (t) => {
    const { gate } = await clStage(t, [{ slot: 1000 }, { slot: 1002 }], roundRobin)
    for (const path of [
      '/eth/v2/beacon/blocks/1002',
      '/eth/v1/beacon/headers/1002',
      '/eth/v1/beacon/states/1002/root',
    ]) {
      assert.equal(await servers(4, () => gate.send(path)), 'bbbb')
    }
    const seen = await servers(4, () => gate.send('/eth/v2/beacon/blocks/999'))
    assert.deepEqual([...seen].sort().join(''), 'aabb')
  })
})

describe('finalized and safe', { concurrency: 8 }, () => {
  for (const tag of ['finalized', 'safe']) {
    it(`${tag}: a node that is far behind in it is passed over, however high its head`, async (t) => {
      const { gate, nodes } = await elStage(t, [{ height: 1000 }, { height: 1000 }], { probe: { intervalMs: 50 } })
      nodes[0]!.answer('eth_getBlockByNumber', ([wanted]: unknown[]) =>
        wanted === tag ? nodes[0]!.chain.block(3) : nodes[0]!.chain.byReference(wanted as string),
      )
      for (const node of nodes) node.height = 1001
      await until(() => gate.upstream('a').head === 1001 && gate.upstream('b').head === 1001)
      assert.equal(await servers(3, () => gate.call('eth_getBlockByNumber', [tag, false])), 'bbb')
      assert.equal(await servers(3, () => gate.call('eth_getBalance', [address, tag])), 'bbb')
      assert.equal(await servers(3, () => gate.call('eth_getLogs', [{ fromBlock: '0x1', toBlock: tag }])), 'bbb')
      assert.equal(await servers(3, () => gate.call('eth_getBalance', [address, 'latest'])), 'aaa')
    })
  }
})

describe('the height that clients were told', { concurrency: 8 }, () => {
  it('does not go back when the preferred node returns before it has caught up', async (t) => {
    const { gate, nodes } = await elStage(t, [{ height: 1000 }, { height: 1000 }], { probe: { intervalMs: 50 } })
    const number = async (): Promise<number> => Number((await gate.call('eth_blockNumber')).json.result)
    assert.equal(await number(), 1000)
    await nodes[0]!.refuse()
    await untilEligible(gate, 'a', false)
    nodes[1]!.height = 1005
    await until(async () => (await number()) === 1005)
    nodes[0]!.height = 1002
    await nodes[0]!.accept()
    await untilEligible(gate, 'a', true)
    for (let asked = 0; asked < 10; asked++) assert.equal(await number(), 1005)
    assert.equal((await gate.call('eth_getBalance', uniqueParams())).header('x-drawbridge-upstream'), 'b')
    nodes[0]!.height = 1005
    await until(async () => (await gate.call('eth_blockNumber')).header('x-drawbridge-upstream') === 'a')
    assert.equal(await number(), 1005)
  })

  it('counts from the answer itself, before a probe knows of it', async (t) => {
    const { gate, nodes } = await elStage(t, [{ height: 100 }, { height: 100 }], roundRobin)
    nodes[0]!.height = 101
    const told: number[] = []
    for (let asked = 0; asked < 8; asked++) told.push(Number((await gate.call('eth_blockNumber')).json.result))
    assert.deepEqual(
      told,
      [...told].sort((one, other) => one - other),
    )
  })

  for (const [what, method, params] of [
    ['its number', 'eth_blockNumber', []],
    ['the newest block', 'eth_getBlockByNumber', ['latest', false]],
    ['the newest block with its transactions', 'eth_getBlockByNumber', ['latest', true]],
  ] as const) {
    it(`counts for all that comes after it, be it told by ${what}`, async (t) => {
      const { gate, nodes } = await elStage(t, [{ height: 100 }, { height: 100 }], roundRobin)
      nodes[1]!.height = 101
      while ((await gate.call(method, [...params])).header('x-drawbridge-upstream') !== 'b');
      for (const [after, named] of [
        ['eth_getBlockByNumber', ['latest', false]],
        ['eth_getBlockByNumber', ['0x65', false]],
        ['eth_getBalance', [address, '0x65']],
        ['eth_getLogs', [{ fromBlock: '0x65', toBlock: '0x65' }]],
        ['eth_getLogs', [{ fromBlock: '0x1' }]],
        ['eth_getLogs', [{ fromBlock: '0x1', toBlock: 'latest' }]],
        ['eth_getLogs', [{ fromBlock: '0x1', toBlock: 'pending' }]],
      ] as const)
        assert.equal(await servers(4, () => gate.call(after, [...named])), 'bbbb', `${after} ${JSON.stringify(named)}`)
      assert.deepEqual([...(await servers(2, () => gate.call('eth_getBalance', [address, '0x64'])))].sort(), ['a', 'b'])
    })
  }

  it('is not set by a node that claims a height beyond belief', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.answer('eth_blockNumber', hex(10 ** 12))
    await gate.call('eth_blockNumber')
    nodes[0]!.forget('eth_blockNumber')
    assert.equal(await servers(3, () => gate.call('eth_getBalance', uniqueParams())), 'aaa')
  })
})
