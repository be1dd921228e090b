import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import type { FakeElNode } from '../fake/el-node.ts'
import { until } from '../fake/until.ts'
import { elStage, type Gate, type HttpAnswer, uniqueParams } from './gate.ts'

const method = 'eth_getBalance'
const trace = 'debug_traceTransaction'
/** Probes that stay out of the way. */
const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }

const enoughTime = (since: number, ms: number): boolean => performance.now() - since >= ms
const balance = (gate: Gate): Promise<HttpAnswer> => gate.call(method, uniqueParams())
const served = (nodes: readonly FakeElNode[], name = method): number[] => nodes.map((node) => node.callsOf(name).length)

/** Lets a history grow. */
async function warm(gate: Gate, calls = 60): Promise<void> {
  for (let n = 0; n < calls; n++) await balance(gate)
}

describe('a hung upstream', { concurrency: 3 }, () => {
  it('is invisible with the defaults: calls stuck there are answered by another long before their deadline', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { probe: { intervalMs: 1000 } })
    const [a, b] = nodes
    await warm(gate)
    a!.hang()
    const answers = await Promise.all(Array.from({ length: 20 }, () => balance(gate)))
    for (const answer of answers) assert.match(answer.json.result, /^0x/)
    // On a busy machine each of them may be rescued on its own account before their node is suspected.
    await until(() => gate.upstream('a').suspect)
    const before = a!.callsOf(method).length
    for (let n = 0; n < 10; n++) assert.equal((await balance(gate)).header('x-drawbridge-upstream'), 'b')
    assert.equal(a!.callsOf(method).length, before, 'new calls avoid it')
    assert.ok(b!.callsOf(method).length >= 30)
    a!.unhang()
    await until(() => !gate.upstream('a').suspect)
    await until(async () => (await balance(gate)).header('x-drawbridge-upstream') === 'a')
  })

  it('is found by its probes while it is idle', async (t) => {
    const { gate, nodes } = await elStage(t, 2)
    nodes[0]!.hang()
    await until(() => gate.upstream('a').suspect || !gate.upstream('a').eligible)
    const answer = await balance(gate)
    assert.equal(answer.header('x-drawbridge-upstream'), 'b')
    assert.equal(answer.header('x-drawbridge-attempts'), '1')
  })

  it('does not get a write twice: it has its time, then the client is told', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { ...quiet, failsafe: { timeoutMs: 500 } })
    await warm(gate)
    for (const node of nodes) node.answer('eth_sendTransaction', '0xabc')
    nodes[0]!.hang()
    const write = gate.call('eth_sendTransaction', [{}])
    await Promise.all([balance(gate), balance(gate)])
    const answer = await write
    assert.equal(answer.status, 504)
    assert.deepEqual([answer.json.id, answer.json.error.code], [1, -32002])
    nodes[0]!.unhang()
    assert.equal(nodes[0]!.requests.filter(({ body }) => body.includes('eth_sendTransaction')).length, 1)
    assert.equal(nodes[1]!.callsOf('eth_sendTransaction').length, 0)
  })

  it('does not cost calls that wait for nothing else: a slow trace leaves its upstream unsuspected', async (t) => {
    for (const slow of [trace, 'eth_getLogs']) {
      const { gate, nodes } = await elStage(t, 2, { probe: { intervalMs: 1000 } })
      await warm(gate)
      nodes[0]!.delay(slow, 700)
      const before = served(nodes)
      const call = gate.call(slow, ['0x1'])
      await until(() => nodes[0]!.callsOf(slow).length === 1)
      for (let n = 0; n < 20; n++) await balance(gate)
      assert.equal(gate.upstream('a').suspect, false)
      const answer = await call
      assert.equal(answer.header('x-drawbridge-upstream'), 'a')
      assert.equal(answer.header('x-drawbridge-attempts'), '1')
      assert.deepEqual(served(nodes, slow), [1, 0])
      assert.equal(served(nodes)[0]! - before[0]!, 20)
    }
  })

  it('leaves a lone slow trace alone, too', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.delay(trace, 500)
    const answer = await gate.call(trace, ['0x1'])
    assert.equal(answer.header('x-drawbridge-attempts'), '1')
    assert.equal(gate.upstream('a').suspect, false)
  })
})

describe('the deadline of a call', { concurrency: 3 }, () => {
  it('ends it with 504 and the id, once for all attempts together', async (t) => {
    const { gate, nodes } = await elStage(t, 3, { ...quiet, failsafe: { timeoutMs: 400 } })
    for (const node of nodes) node.hang()
    const began = performance.now()
    const answer = await gate.post(`{"jsonrpc":"2.0","id":12345678901234567890.10,"method":"${trace}","params":[]}`)
    const took = performance.now() - began
    assert.equal(answer.status, 504)
    assert.match(answer.text, /"id":12345678901234567890\.10[,}]/)
    assert.deepEqual([answer.json.error.code, answer.json.error.data.class], [-32002, 'DEADLINE'])
    assert.ok(took >= 395, `${took} ms`)
    const asked = nodes.reduce((sum, node) => sum + node.callsOf(trace).length, 0)
    assert.equal(asked, 1, 'one attempt had all of the time')
    await until(() => nodes[0]!.aborted >= 1, { describe: 'the attempt to be cut' })
  })

  it('is the only limit of a call whose upstream is merely slow', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { ...quiet, failsafe: { timeoutMs: 5000 } })
    nodes[0]!.delay(method, 400)
    assert.match((await balance(gate)).json.result, /^0x/)
    assert.equal(nodes[0]!.callsOf(method).length, 1)
  })
})

describe('a client that hangs up', { concurrency: 3 }, () => {
  /** Posts a body on a connection of its own. */
  function post(gate: Gate, body: string): Socket {
    const { hostname, port } = new URL(gate.url)
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    socket.on('error', () => {})
    socket.write(
      `POST /el HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    return socket
  }

  const call = `{"jsonrpc":"2.0","id":1,"method":"${trace}","params":[]}`

  it('has its attempts cancelled, and nobody else is asked', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.answer(trace, () => new Promise(() => {}))
    const socket = post(gate, call)
    await until(() => nodes[0]!.callsOf(trace).length === 1)
    assert.equal(gate.upstream('a').inFlight, 1)
    socket.resetAndDestroy()
    await until(() => nodes[0]!.aborted === 1)
    await until(() => gate.upstream('a').inFlight === 0)
    assert.equal(nodes[1]!.callsOf(trace).length, 0)
    assert.equal(gate.upstream('a').errorRatio, 0)
    assert.equal((await balance(gate)).status, 200)
  })

  it('may do so politely: a FIN is enough', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.answer(trace, () => new Promise(() => {}))
    const socket = post(gate, call)
    await until(() => nodes[0]!.callsOf(trace).length === 1)
    socket.destroy()
    await until(() => nodes[0]!.aborted === 1)
    await until(() => gate.upstream('a').inFlight === 0)
  })

  it('is not one that only sends no more: it gets its answer', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.delay(trace, 900)
    const socket = post(gate, call)
    let seen = ''
    socket.on('data', (chunk: Buffer) => (seen += chunk.toString()))
    socket.end()
    await until(() => seen.includes('"result"'), { describe: () => seen })
    assert.match(seen, /^(?:HTTP\/1\.1 102 Processing\r\n\r\n)+HTTP\/1\.1 200 OK\r\n/)
    assert.equal(nodes[0]!.aborted, 0)
  })

  it('has all attempts of its batch cancelled', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.answer(trace, () => new Promise(() => {}))
    const batch = [1, 2, 3].map((id) => ({ jsonrpc: '2.0', id, method: trace, params: [] }))
    const socket = post(gate, JSON.stringify(batch))
    await until(() => nodes[0]!.callsOf(trace).length === 3)
    socket.resetAndDestroy()
    await until(() => nodes[0]!.aborted === 3)
    await until(() => gate.upstream('a').inFlight === 0)
  })
})

describe('hedging', { concurrency: 1 }, () => {
  it('starts a second attempt beside a slow one, within its budget', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { probe: { intervalMs: 60_000 } })
    await warm(gate, 100)
    let call = 0
    const slow = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve('0xa'), 40))
    nodes[0]!.answer(method, () => (++call % 20 === 0 ? slow() : '0xa'))
    const before = served(nodes)
    for (let n = 0; n < 200; n++) assert.equal((await balance(gate)).status, 200)
    const [ofA, ofB] = served(nodes).map((count, at) => count - before[at]!)
    const hedges = await gate.metric('hedges_total')
    const extra = hedges + (await gate.metric('rescues_total')) + (await gate.metric('retries_total'))
    assert.ok(hedges > 0, 'slow calls are hedged')
    assert.equal(ofA! + ofB!, 200 + extra, 'every attempt is accounted for')
    assert.ok(extra <= 1 + 0.1 * 300, `${extra} extra calls`)
  })

  it('costs at most three calls in a hundred while all is well', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { probe: { intervalMs: 60_000 } })
    for (let n = 0; n < 300; n++) await balance(gate)
    const total = served(nodes).reduce((sum, count) => sum + count, 0)
    assert.ok(total <= 300 * 1.03, `${total} attempts for 300 calls`)
  })

  it('never doubles a call that writes', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    for (const node of nodes) node.answer('eth_sendTransaction', '0xabc')
    for (let n = 0; n < 40; n++) await gate.call('eth_sendTransaction', [{}])
    nodes[0]!.delay('eth_sendTransaction', 80)
    for (let n = 0; n < 5; n++) assert.equal((await gate.call('eth_sendTransaction', [{}])).json.result, '0xabc')
    assert.deepEqual(served(nodes, 'eth_sendTransaction'), [45, 0])
  })

  it('is off at afterQuantile 1', async (t) => {
    const hedge = { afterQuantile: 1, maxExtraPercent: 100 }
    const { gate, nodes } = await elStage(t, 2, { ...quiet, failsafe: { hedge } })
    await warm(gate, 40)
    nodes[0]!.delay(method, 35)
    for (let n = 0; n < 5; n++) await balance(gate)
    assert.equal(await gate.metric('hedges_total'), 0)
  })
})

describe('the breaker', { concurrency: 3 }, () => {
  const breaker = { failureRatio: 0.5, minimumCalls: 6, openMs: 300 }

  it('opens on too many failures, lets a single trial through, and closes when that goes well', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { ...quiet, failsafe: { breaker } })
    const [a] = nodes
    a!.answer(method, { error: { code: -32603, message: 'MDBX_PANIC' } })
    for (let n = 0; n < 15; n++) assert.match((await balance(gate)).json.result, /^0x/)
    assert.equal(a!.callsOf(method).length, 6, 'it opens at the sixth failure')
    assert.equal(gate.upstream('a').breaker, 'open')
    assert.match(gate.upstream('a').reason ?? '', /breaker is open/)
    const openedAt = performance.now()

    // Past openMs a crowd comes at once: one of them is the trial, and it fails.
    await until(() => enoughTime(openedAt, 320))
    a!.delay(method, 30)
    await Promise.all(Array.from({ length: 10 }, () => balance(gate)))
    assert.equal(a!.callsOf(method).length, 7, 'a single trial')
    await until(() => gate.upstream('a').breaker === 'open')

    a!.forget(method)
    const retrial = performance.now()
    await until(() => enoughTime(retrial, 320))
    await until(async () => (await balance(gate)) && gate.upstream('a').breaker === 'closed')
    assert.equal((await balance(gate)).header('x-drawbridge-upstream'), 'a')
  })

  it('does not keep the last upstream from being asked', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { ...quiet, failsafe: { breaker } })
    nodes[0]!.answer(method, { error: { code: -32603, message: 'MDBX_PANIC' } })
    for (let n = 0; n < 10; n++) await balance(gate)
    nodes[0]!.forget(method)
    assert.match((await balance(gate)).json.result, /^0x/)
  })
})
