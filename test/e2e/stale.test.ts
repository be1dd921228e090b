import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FakeElNode } from '../fake/el-node.ts'
import { until } from '../fake/until.ts'
import { elStage, uniqueParams, untilEligible } from './gate.ts'

const quick = { probe: { intervalMs: 50, maxFailures: 1 } }
const read = 'eth_getBalance'

/** The first node is 50 blocks behind, the second is the only one in service. */
async function halfBehind(t: Parameters<typeof elStage>[0], routing = {}, probe: object = quick.probe) {
  const stage = await elStage(t, [{ height: 950 }, { height: 950 }], {
    probe: { ...quick.probe, ...probe },
    routing: { strategy: 'ordered', ...routing },
  })
  const { gate, nodes } = stage
  for (let height = 955; height <= 1000; height += 5) {
    nodes[1]!.height = height
    await until(() => gate.upstream('b').head === height)
  }
  await untilEligible(gate, 'a', false)
  assert.equal((await gate.call('eth_blockNumber')).json.result, '0x3e8')
  return stage
}

/** The first node is 50 blocks behind, the second is gone. */
async function farBehind(t: Parameters<typeof elStage>[0], routing = {}) {
  const stage = await halfBehind(t, routing)
  const { gate, nodes } = stage
  await nodes[1]!.refuse()
  await untilEligible(gate, 'b', false)
  return stage
}

describe('with nobody left in service', { concurrency: 6 }, () => {
  it('a node that lags serves reads, and the answer says by how much', async (t) => {
    const { gate } = await farBehind(t)
    for (const answer of [
      await gate.call(read, uniqueParams()),
      await gate.post(`[{"jsonrpc":"2.0","id":1,"method":"${read}","params":["0x1","latest"]}]`),
    ]) {
      assert.equal(answer.status, 200)
      assert.equal(answer.header('x-drawbridge-stale'), '50')
    }
  })

  it('a node that lags serves nothing where strict is true', async (t) => {
    const { gate, nodes } = await farBehind(t, { strict: true })
    const answer = await gate.call(read, uniqueParams())
    assert.deepEqual([answer.status, answer.json.error.data.class], [503, 'NO_UPSTREAM'])
    assert.equal(nodes[0]!.callsOf(read).length, 0)
  })

  for (const strict of [false, true]) {
    it(`a node that answers calls but no probe ${strict ? 'is left alone where strict is true' : 'serves reads, and no writes'}`, async (t) => {
      const { gate, nodes } = await elStage(t, 1, { ...quick, routing: { strategy: 'ordered', strict } })
      nodes[0]!.answer('eth_blockNumber', { error: { code: -32600, message: 'App is inactive' } })
      await untilEligible(gate, 'a', false)
      const answer = await gate.call(read, uniqueParams())
      if (strict) assert.equal(answer.status, 503)
      else {
        assert.equal(answer.status, 200)
        assert.notEqual(answer.header('x-drawbridge-stale'), undefined)
      }
      const write = await gate.call('eth_sendRawTransaction', ['0x02aa'])
      assert.equal(write.status, 503)
      assert.equal(nodes[0]!.transactions.length, 0)
    })
  }

  it('an execution client that says it is syncing serves reads, and no writes', async (t) => {
    const { gate, nodes } = await elStage(t, [{ height: 950 }], quick)
    nodes[0]!.syncing = { currentBlock: '0x3b6', highestBlock: '0x3e8' }
    await untilEligible(gate, 'a', false)
    const answer = await gate.call(read, uniqueParams())
    assert.equal(answer.status, 200)
    assert.match(answer.header('x-drawbridge-stale') ?? '', /syncing/)
    assert.equal((await gate.call('eth_sendRawTransaction', ['0x02aa'])).status, 503)
    assert.equal(nodes[0]!.transactions.length, 0)
  })

  it('an execution client that has no block yet serves nobody', async (t) => {
    const { gate, nodes } = await elStage(t, [{ height: 0 }], { ...quick, settled: false })
    nodes[0]!.syncing = { currentBlock: '0x0', highestBlock: '0x3e8' }
    await untilEligible(gate, 'a', false)
    assert.equal((await gate.call(read, uniqueParams())).status, 503)
  })

  it('a node of another chain serves nobody', async (t) => {
    const { gate, nodes } = await elStage(t, [{ chainId: 5 }], { ...quick, chainId: 1337, settled: false })
    await until(() => /wrong chain/.test(gate.upstream('a').reason ?? ''))
    assert.equal((await gate.call(read, uniqueParams())).status, 503)
    assert.equal(nodes[0]!.callsOf(read).length, 0)
  })

  it('a node that is gone serves nobody, and the answer is ours', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quick)
    await nodes[0]!.refuse()
    await untilEligible(gate, 'a', false)
    const answer = await gate.call(read, uniqueParams())
    assert.equal(answer.status, 503)
    assert.equal(answer.header('x-drawbridge-stale'), undefined)
  })

  it('nothing is marked while somebody is well', async (t) => {
    const { gate } = await elStage(t, [{ height: 98 }, { height: 100 }], quick)
    assert.equal((await gate.call(read, uniqueParams())).header('x-drawbridge-stale'), undefined)
  })
})

describe('where the only node in service fails during a call', { concurrency: 6 }, () => {
  const failures: [how: string, fail: (node: FakeElNode) => unknown][] = [
    ['refuses connections', (node) => node.refuse()],
    ['answers with half an object', (node) => node.rawBody(read, '{"jsonrpc":"2.0","id":1,"res')],
    ['answers with a page', (node) => node.status(503)],
  ]
  for (const [how, fail] of failures) {
    it(`and ${how}, the node that lags answers this very read`, async (t) => {
      const { gate, nodes } = await halfBehind(t)
      await fail(nodes[1]!)
      const answer = await gate.call(read, uniqueParams())
      assert.deepEqual([answer.status, answer.header('x-drawbridge-upstream')], [200, 'a'])
      assert.equal(answer.header('x-drawbridge-stale'), '50')
      assert.equal(nodes[0]!.callsOf(read).length, 1)
    })
  }

  it('and says nothing any more, the node that lags answers once the other is known to be gone', async (t) => {
    const { gate, nodes } = await halfBehind(t, {}, { timeoutMs: 200 })
    nodes[1]!.hang()
    const answers = await Promise.all(Array.from({ length: 5 }, () => gate.call(read, uniqueParams())))
    for (const answer of answers) {
      assert.deepEqual([answer.status, answer.header('x-drawbridge-upstream')], [200, 'a'])
      assert.equal(answer.header('x-drawbridge-stale'), '50')
    }
  })

  it('no call of it is lost, one after the other and many at a time', async (t) => {
    const { gate, nodes } = await halfBehind(t)
    const client = async (): Promise<void> => {
      for (let n = 0; n < 15; n++) {
        const answer = await gate.call(read, uniqueParams())
        assert.equal(answer.json.error, undefined, answer.text)
      }
    }
    const clients = Array.from({ length: 8 }, client)
    await until(() => nodes[1]!.callsOf(read).length > 20)
    await nodes[1]!.refuse()
    await Promise.all(clients)
  })

  it('what it said of the call itself is the answer', async (t) => {
    const { gate, nodes } = await halfBehind(t)
    nodes[1]!.answer(read, { error: { code: -32000, message: 'header not found' } })
    const answer = await gate.call(read, uniqueParams())
    assert.equal(answer.json.error.message, 'header not found')
    assert.equal(nodes[0]!.callsOf(read).length, 0)
  })

  it('the read fails where strict is true', async (t) => {
    const { gate, nodes } = await halfBehind(t, { strict: true })
    await nodes[1]!.refuse()
    const answer = await gate.call(read, uniqueParams())
    assert.notEqual(answer.json.error, undefined)
    assert.equal(nodes[0]!.callsOf(read).length, 0)
  })
})
