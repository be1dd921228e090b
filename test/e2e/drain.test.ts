import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type FakeElNode, startFakeElNode } from '../fake/el-node.ts'
import { until } from '../fake/until.ts'
import { clStage, elStage, openGate, optionsFor, type SendOptions, send, settled } from './gate.ts'

const trace = 'debug_traceTransaction'
const post = (id: number, method = trace): SendOptions => ({
  method: 'POST',
  headers: ['content-type', 'application/json'],
  body: `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":["0x1"]}`,
})

/** A node that answers traces when it is told to. */
async function holdingNode(t: TestContext): Promise<{ node: FakeElNode; release: () => void }> {
  let release: () => void = () => {}
  const held = new Promise<string>((resolve) => (release = () => resolve('0xdone')))
  const node = await startFakeElNode()
  t.after(() => node.close())
  node.answer(trace, () => held)
  return { node, release }
}

describe('draining', { concurrency: 3 }, () => {
  it('of the real program: SIGHUP ends nothing, at SIGTERM /ready turns 503, the call in flight finishes, and it exits with 0', async (t) => {
    const { node, release } = await holdingNode(t)
    const binary = fileURLToPath(new URL('../../bin/drawbridge.js', import.meta.url))
    const child = spawn(process.execPath, [binary, 'serve', node.url, '--listen', '127.0.0.1:0'])
    t.after(() => child.kill('SIGKILL'))
    const exited = once(child, 'exit')
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
    const address = (): string | undefined => /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0]
    await until(() => address() !== undefined, { deadlineMs: 20_000 })
    const url = address()!
    await until(async () => (await send(`${url}/ready`)).status === 200)
    child.kill('SIGHUP')
    let logged = ''
    child.stderr.on('data', (chunk: Buffer) => (logged += chunk.toString()))
    await until(() => logged.includes('reads its config only at the start'))
    const call = send(`${url}/el`, post(1))
    await until(() => node.callsOf(trace).length === 1)
    child.kill('SIGTERM')
    await until(async () => (await send(`${url}/ready`)).status === 503)
    assert.deepEqual((await send(`${url}/ready`)).json, { ready: false, reasons: ['the gateway is shutting down'] })
    assert.equal((await send(`${url}/health`)).status, 200)
    assert.equal(child.exitCode, null)
    release()
    const answer = await call
    assert.deepEqual(answer.json, { jsonrpc: '2.0', id: 1, result: '0xdone' })
    assert.deepEqual(await exited, [0, null])
  })

  it('refuses new connections once the calls that ran have ended, and answers what came meanwhile', async (t) => {
    const { node, release } = await holdingNode(t)
    const gate = await openGate(t, optionsFor([node.url]))
    await settled(gate)
    const call = send(`${gate.url}/el`, post(1))
    await until(() => node.callsOf(trace).length === 1)
    const drained = gate.gateway.drain()
    assert.equal((await send(`${gate.url}/el`, post(2, 'eth_gasPrice'))).json.result, '0x7')
    release()
    assert.equal((await call).json.result, '0xdone')
    await drained
    await assert.rejects(send(`${gate.url}/health`), { code: 'ECONNREFUSED' })
  })

  it('is bounded: after drainMs what still runs is cut', async (t) => {
    const { node } = await holdingNode(t)
    const gate = await openGate(t, { ...optionsFor([node.url]), drainMs: 200 })
    await settled(gate)
    const rejected = assert.rejects(send(`${gate.url}/el`, post(1)))
    await until(() => node.callsOf(trace).length === 1)
    await gate.gateway.drain()
    assert.equal(node.aborted, 0, 'the call still runs')
    await gate.gateway.close()
    await rejected
    await until(() => node.aborted === 1)
  })

  it('ends event streams at once, orderly, and begins no other', async (t) => {
    const { gate, nodes } = await clStage(t, 1)
    const stream = await fetch(`${gate.url}/eth/v1/events?topics=head`)
    nodes[0]!.delay('/eth/v1/beacon/genesis', 500)
    const call = send(`${gate.url}/eth/v1/beacon/genesis`)
    await until(() => nodes[0]!.requests.some(({ target }) => target === '/eth/v1/beacon/genesis'))
    const drained = gate.gateway.drain()
    assert.equal(await stream.text(), ':\n\n')
    await until(() => nodes[0]!.streams.active === 0)
    const refused = await send(`${gate.url}/eth/v1/events?topics=head`)
    assert.deepEqual([refused.status, refused.json.class, refused.header('retry-after')], [503, 'CLOSING', '1'])
    assert.equal(nodes[0]!.streams.opened.length, 1)
    assert.equal((await call).status, 200)
    await drained
  })

  it('serves on as before for as long as the notice lasts, with /ready at 503', async (t) => {
    const { gate } = await elStage(t, 1)
    const { gateway, url } = await openGate(t, {
      ...optionsFor([gate.status.upstreams[0]!.url]),
      drain: { noticeMs: 400 },
    })
    let drained = false
    const draining = gateway.drain().then(() => (drained = true))
    const ready = await send(`${url}/ready`)
    assert.deepEqual([ready.status, ready.header('connection')], [503, undefined])
    const health = await send(`${url}/health`)
    assert.deepEqual([health.status, drained], [200, false])
    await draining
    await assert.rejects(send(`${url}/health`), { code: 'ECONNREFUSED' })
  })

  it('does not wait for drainMs when nothing runs, although a client keeps its connection', async (t) => {
    const node = await startFakeElNode()
    t.after(() => node.close())
    const gate = await openGate(t, { ...optionsFor([node.url]), drainMs: 2_000_000_000 })
    await settled(gate)
    await gate.call('eth_gasPrice')
    await gate.gateway.drain()
  })
})
