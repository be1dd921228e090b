import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Json } from '../fake/el-chain.ts'
import { type FakeElNode, startFakeElNode } from '../fake/el-node.ts'
import { pause, until } from '../fake/until.ts'
import { elStage, send } from './gate.ts'

const trace = 'debug_traceTransaction'
const bytes = 100_000_000
const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const call = (id: number, method = trace): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":["0x1"]}`

/** A gateway in a process of its own, in front of a fake in this one. */
class Measured {
  readonly url: string
  readonly #child: ChildProcess

  constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.url = `http://127.0.0.1:${port}`
  }

  async rss(): Promise<number> {
    const answer = once(this.#child, 'message')
    this.#child.send('rss')
    const [{ rss }] = (await answer) as [{ rss: number }]
    return rss
  }
}

async function measuredGate(t: TestContext): Promise<{ gate: Measured; node: FakeElNode }> {
  const node = await startFakeElNode()
  t.after(() => node.close())
  const file = fileURLToPath(new URL('./gate-process.ts', import.meta.url))
  const child = fork(file, [node.url])
  t.after(() => child.kill('SIGKILL'))
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const gate = new Measured(child, port)
  // Everything is in use once before it is measured.
  node.hugeResult('eth_getLogs', 5_000_000)
  for (let n = 0; n < 3; n++) await post(gate.url, call(1, 'eth_getLogs'))
  return { gate, node }
}

function post(url: string, body: string) {
  return send(`${url}/el`, { method: 'POST', headers: ['content-type', 'application/json'], body })
}

/** Posts a call and hands the answer over before it is read. */
function open(url: string, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const headers = { 'content-type': 'application/json' }
    const outgoing = httpRequest({ hostname, port, path: '/el', method: 'POST', headers }, resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Reads an answer, resting now and then, and watches the memory of the gateway meanwhile. */
async function readMeasured(gate: Measured, message: IncomingMessage, restMs: number) {
  let [size, peak, steps] = [0, 0, 0]
  let [head, tail] = ['', '']
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length
    if (head.length < 100) head += chunk.toString('latin1', 0, 100)
    tail = (tail + chunk.toString('latin1')).slice(-20)
    if (size > steps * 10_000_000) {
      steps++
      await pause(restMs)
      peak = Math.max(peak, await gate.rss())
    }
  }
  return { size, peak, head, tail }
}

describe('a result of 100 MB', () => {
  for (const [reader, restMs] of [
    ['that reads at once', 0],
    ['that reads slowly', 60],
  ] as const) {
    it(`passes with less than 32 MB of extra memory, to a client ${reader}`, async (t) => {
      const { gate, node } = await measuredGate(t)
      node.hugeResult(trace, bytes)
      const before = await gate.rss()
      const { size, peak, head, tail } = await readMeasured(gate, await open(gate.url, call(7)), restMs)
      const prefix = '{"jsonrpc":"2.0","id":7,"result":"0x'
      assert.ok(head.startsWith(prefix), head)
      assert.equal(tail, `${'ab'.repeat(9)}"}`)
      assert.equal(size, prefix.length + bytes - 2 + 2)
      assert.ok(peak - before < 32 * 1024 * 1024, `${((peak - before) / 1048576).toFixed(1)} MB extra`)
    })
  }

  it('passes inside a batch as well, between its neighbours', async (t) => {
    const { gate, node } = await measuredGate(t)
    node.hugeResult(trace, bytes)
    const before = await gate.rss()
    const body = `[${call(1, 'eth_gasPrice')},${call(2)},${call(3, 'eth_gasPrice')}]`
    const { size, peak, head, tail } = await readMeasured(gate, await open(gate.url, body), 10)
    const first = '[{"jsonrpc":"2.0","id":1,"result":"0x7"},{"jsonrpc":"2.0","id":2,"result":"0x'
    assert.ok(head.startsWith(first), head)
    assert.ok(tail.endsWith('"id":3,"result":"0x7"}]'.slice(-20)), tail)
    assert.equal(size, first.length + bytes - 2 + '"},{"jsonrpc":"2.0","id":3,"result":"0x7"}]'.length)
    assert.ok(peak - before < 32 * 1024 * 1024, `${((peak - before) / 1048576).toFixed(1)} MB extra`)
  })

  it('that nobody reads is fetched only as far as buffers reach, and given up with its client', async (t) => {
    const { gate, node } = await measuredGate(t)
    node.hugeResult(trace, bytes)
    const before = await gate.rss()
    const message = await open(gate.url, call(1))
    message.pause()
    await pause(300)
    assert.ok((await gate.rss()) - before < 32 * 1024 * 1024)
    message.socket.resetAndDestroy()
    await until(() => node.aborted === 1)
  })
})

describe('a large answer', { concurrency: 4 }, () => {
  it('passes byte for byte, whatever its kind', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const large = `[${Array.from({ length: 40_000 }, (_, n) => `{"n" : ${n}.0, "s":"\\u0041"}`).join(', ')}]`
    nodes[0]!.answerText('eth_getLogs', large)
    assert.equal((await gate.call('eth_getLogs')).text, `{"jsonrpc":"2.0","id":1,"result":${large}}`)
    nodes[0]!.rawBody('eth_getLogs', ({ rawId }) => `{"id":${rawId},"result":${large} , "jsonrpc":"2.0"}`)
    assert.equal((await gate.call('eth_getLogs')).text, `{"jsonrpc":"2.0","id":1,"result":${large}}`)
  })

  it('that is an error is judged as one', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    const data = `0x08c379a0${'ab'.repeat(300_000)}`
    nodes[0]!.answer('eth_call', { error: { code: 3, message: 'execution reverted', data } })
    const { error } = (await gate.call('eth_call')).json
    assert.deepEqual([error.code, error.data], [3, data])
    assert.equal(nodes[1]!.callsOf('eth_call').length, 0)
  })

  it('that is no answer is fetched elsewhere', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.rawBody('eth_getLogs', `<html>${'x'.repeat(1_000_000)}</html>`, 'text/html')
    assert.deepEqual((await gate.call('eth_getLogs')).json.result, [])
    assert.deepEqual(
      nodes.map((node) => node.callsOf('eth_getLogs').length),
      [1, 1],
    )
  })

  it('that breaks off cuts the connection of the client, so that half is not taken for all', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const large = `["${'ab'.repeat(2_000_000)}"]`
    nodes[0]!.answerText(trace, large)
    nodes[0]!.cutNextAfter(1_000_000)
    await assert.rejects(gate.call(trace, ['0x1']))
    nodes[0]!.rawBody(trace, ({ rawId }) => `{"jsonrpc":"2.0","id":${rawId},"result":["${'ab'.repeat(2_000_000)}`)
    await assert.rejects(gate.call(trace, ['0x1']), 'a complete HTTP body with half a JSON in it')
    assert.equal((await gate.call('eth_gasPrice')).status, 200)
  })

  it('that breaks off inside a batch cuts the connection, too', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.rawBody(trace, ({ rawId }) => `{"jsonrpc":"2.0","id":${rawId},"result":["${'ab'.repeat(2_000_000)}`)
    await assert.rejects(gate.post(`[${call(1, 'eth_gasPrice')},${call(2)}]`))
  })

  it('is one of several in a batch: all whole, in order', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.answer('eth_getLogs', ([n]: Json[]) => [String(n).repeat(400_000)])
    const members = [1, 2, 3, 4].map((n) => `{"jsonrpc":"2.0","id":${n},"method":"eth_getLogs","params":[${n}]}`)
    const answer = await gate.post(`[${members.join(',')}]`)
    const seen = answer.json.map(({ id, result }: { id: number; result: [string] }) => [
      id,
      result[0][0],
      result[0].length,
    ])
    assert.deepEqual(
      seen,
      [1, 2, 3, 4].map((n) => [n, String(n), 400_000]),
    )
  })
})
