import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Json } from '../fake/el-chain.ts'
import type { FakeElNode } from '../fake/el-node.ts'
import { elStage, type Gate, type HttpAnswer } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const send = 'eth_sendRawTransaction'
const raw = '0x02f86b0180843b9aca00'
const hash = `0x${Buffer.from(keccak_256(Buffer.from(raw.slice(2), 'hex'))).toString('hex')}`
const asked = (node: FakeElNode, name: string): number =>
  node.requests.filter(({ body }) => body.includes(`"${name}"`)).length
const sendRaw = (gate: Gate): Promise<HttpAnswer> => gate.call(send, [raw])
const fault = (code: number, message: string) => ({ error: { code, message } })

describe('a raw transaction', { concurrency: 8 }, () => {
  for (const words of ['already known', 'known transaction: 0xab', 'ALREADY_EXISTS: already known', 'AlreadyKnown']) {
    it(`that the upstream has already succeeds with its hash: ${words}`, async (t) => {
      const { gate, nodes } = await elStage(t, 2, quiet)
      nodes[0]!.answer(send, fault(-32000, words))
      const answer = await sendRaw(gate)
      assert.deepEqual(answer.json, { jsonrpc: '2.0', id: 1, result: hash })
      assert.equal(nodes[1]!.callsOf(send).length, 0)
    })
  }

  it('with a used nonce succeeds when the chain has that very transaction', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.answer(send, fault(-32000, 'nonce too low: next nonce 2, tx nonce 1'))
    nodes[0]!.answer('eth_getTransactionByHash', ([wanted]: Json[]) => (wanted === hash ? { hash } : null))
    assert.equal((await sendRaw(gate)).json.result, hash)
    assert.equal(nodes[0]!.callsOf('eth_getTransactionByHash').length, 1)
  })

  it('with a used nonce is refused as received when the chain has another one', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.answer(send, fault(-32000, 'nonce too low: next nonce 2, tx nonce 1'))
    const { error } = (await sendRaw(gate)).json
    assert.deepEqual([error.code, error.message], [-32000, 'nonce too low: next nonce 2, tx nonce 1'])
    assert.equal(nodes[1]!.callsOf(send).length, 0)
  })

  it('that one upstream rejects is offered to one other, once', async (t) => {
    const { gate, nodes } = await elStage(t, 3, quiet)
    nodes[0]!.answer(send, fault(-32000, 'txpool is full'))
    nodes[1]!.answer(send, hash)
    assert.equal((await sendRaw(gate)).json.result, hash)
    nodes[1]!.answer(send, fault(-32000, 'txpool is full'))
    assert.equal((await sendRaw(gate)).json.error.message, 'txpool is full')
    assert.deepEqual(
      nodes.map((node) => node.callsOf(send).length),
      [2, 2, 0],
    )
  })

  it('goes on to another upstream when the first breaks, and the second "already known" is success', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.cutNextAfter(5)
    nodes[1]!.answer(send, fault(-32000, 'already known'))
    assert.equal((await sendRaw(gate)).json.result, hash)
    assert.deepEqual(
      nodes.map((node) => node.callsOf(send).length),
      [1, 1],
    )
  })

  it('stuck at a hung upstream is sent through another', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.hang()
    nodes[1]!.answer(send, hash)
    assert.equal((await sendRaw(gate)).json.result, hash)
  })
})

describe('a call that writes', { concurrency: 8 }, () => {
  const writes = ['eth_sendTransaction', 'custom_doSomething', 'eth_sendBundle', 'personal_unlockAccount']
  const broken: [what: string, script: (node: FakeElNode, name: string) => unknown][] = [
    ['resets', (node) => node.resetNext(10)],
    ['breaks off', (node) => node.cutNextAfter(5)],
    ['answers 502', (node) => node.status(502)],
    ['answers HTML', (node, name) => node.rawBody(name, '<html>', 'text/html')],
    ['fails inside', (node, name) => node.answer(name, fault(-32603, 'MDBX_PANIC'))],
  ]
  for (const name of writes) {
    for (const [what, script] of broken) {
      it(`is never sent twice once it may have reached a node: ${name}, the node ${what}`, async (t) => {
        const { gate, nodes } = await elStage(t, 2, quiet)
        // The connection is in use already, as it would be in service.
        for (const node of nodes) node.answer(name, '0xaa')
        assert.equal((await gate.call(name, [{}])).json.result, '0xaa')
        script(nodes[0]!, name)
        const answer = await gate.call(name, [{}])
        assert.equal(answer.json.id, 1)
        assert.deepEqual([answer.json.error.code, answer.json.error.data.class], [-32603, 'UPSTREAM_FAILED'])
        assert.equal(asked(nodes[0]!, name), 2)
        assert.equal(asked(nodes[1]!, name), 0)
      })
    }
  }

  it('goes to another upstream when the first certainly did not see it', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    for (const node of nodes) node.answer('eth_sendTransaction', '0xaa')
    await nodes[0]!.refuse()
    assert.equal((await gate.call('eth_sendTransaction', [{}])).json.result, '0xaa')
    assert.equal(nodes[1]!.callsOf('eth_sendTransaction').length, 1)
  })
})

describe('a filter', { concurrency: 8 }, () => {
  const roundRobin = { ...quiet, routing: { strategy: 'roundRobin' as const } }

  it('stays on the upstream that made it, under an id of ours', async (t) => {
    const { gate, nodes } = await elStage(t, 3, roundRobin)
    const made = await Promise.all([1, 2, 3].map(() => gate.call('eth_newBlockFilter')))
    const owners = made.map((answer) => answer.header('x-drawbridge-upstream'))
    assert.deepEqual([...owners].sort(), ['a', 'b', 'c'])
    for (const node of nodes) node.height = 101
    for (const [at, answer] of made.entries()) {
      const changes = await gate.call('eth_getFilterChanges', [answer.json.result])
      assert.equal(changes.header('x-drawbridge-upstream'), owners[at])
      assert.deepEqual(changes.json.result, [nodes[0]!.chain.block(101).hash])
    }
    assert.deepEqual(
      nodes.map((node) => node.callsOf('eth_getFilterChanges').length),
      [1, 1, 1],
    )
  })

  it('survives that two upstreams hand out the same id', async (t) => {
    const { gate, nodes } = await elStage(t, 2, roundRobin)
    for (const [at, node] of nodes.entries()) {
      node.answer('eth_newFilter', '0x1')
      node.answer('eth_getFilterLogs', ([id]: Json[]) => (id === '0x1' ? [{ logIndex: `0x${at}` }] : []))
    }
    const made = [await gate.call('eth_newFilter', [{}]), await gate.call('eth_newFilter', [{}])]
    const ids = made.map(({ json }) => json.result)
    assert.notEqual(ids[0], ids[1])
    for (const id of ids) assert.match(id, /^0x[0-9a-f]+$/)
    const logs = await Promise.all(ids.map((id) => gate.call('eth_getFilterLogs', [id])))
    const seen = logs.map(({ json }) => json.result[0].logIndex)
    assert.deepEqual(
      seen,
      made.map((answer) => (answer.header('x-drawbridge-upstream') === 'a' ? '0x0' : '0x1')),
    )
  })

  it('is gone with its upstream, in the words that libraries look for', async (t) => {
    const { gate, nodes } = await elStage(t, 2)
    const id = (await gate.call('eth_newBlockFilter')).json.result
    await nodes[0]!.refuse()
    const { error } = (await gate.call('eth_getFilterChanges', [id])).json
    assert.deepEqual([error.code, error.message, error.data.class], [-32000, 'filter not found', 'FILTER_GONE'])
    assert.equal(nodes[1]!.callsOf('eth_getFilterChanges').length, 0)
  })

  it('that nobody has made is not found, and nobody is asked', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    for (const params of [['0x1'], [], [5], {}]) {
      assert.equal((await gate.call('eth_getFilterChanges', params)).json.error.message, 'filter not found')
    }
    assert.deepEqual(
      nodes.map((node) => node.callsOf('eth_getFilterChanges').length),
      [0, 0],
    )
  })

  it('is uninstalled once', async (t) => {
    const { gate } = await elStage(t, 2, quiet)
    const id = (await gate.call('eth_newBlockFilter')).json.result
    assert.equal((await gate.call('eth_uninstallFilter', [id])).json.result, true)
    assert.equal((await gate.call('eth_getFilterChanges', [id])).json.error.message, 'filter not found')
  })
})
