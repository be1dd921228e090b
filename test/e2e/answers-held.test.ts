import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startFakeElNode } from '../fake/el-node.ts'
import { collect, until } from '../fake/until.ts'
import { elStage } from './gate.ts'

const trace = 'debug_traceTransaction'
const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const call = (id: number, method = trace): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":["0x${id.toString(16)}"]}`
const batch = (size: number, method?: string): string =>
  `[${Array.from({ length: size }, (_, at) => call(at + 1, method)).join(',')}]`

/** Posts a body and hands the answer over before it is read. */
function open(url: string, body: string, localAddress?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const headers = { 'content-type': 'application/json' }
    const options = { hostname, port, path: '/el', method: 'POST', headers, agent: false, localAddress }
    const outgoing = httpRequest(options, (message) => {
      message.on('error', () => {})
      message.pause()
      resolve(message)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

describe('a batch of results that are much together', { concurrency: 4 }, () => {
  it('asks for the next ones only as its reader reads, and gives all of them, in order', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.answerText('eth_getLogs', `["${'ab'.repeat(100_000)}"]`)
    const answer = await open(gate.url, batch(400, 'eth_getLogs'))
    await until(
      async () => (await gate.metric('held_bytes')) > 2_000_000 || nodes[0]!.callsOf('eth_getLogs').length > 100,
    )
    const askedUnread = nodes[0]!.callsOf('eth_getLogs').length
    assert.ok(askedUnread < 200, `${askedUnread} asked of 400 before any was read`)
    const all = JSON.parse((await collect(answer)).toString()) as { id: number; result: [string] }[]
    assert.deepEqual(
      all.map(({ id }) => id),
      Array.from({ length: 400 }, (_, at) => at + 1),
    )
    assert.ok(all.every(({ result }) => result[0].length === 200_000))
    assert.equal(nodes[0]!.callsOf('eth_getLogs').length, 400)
    assert.equal(await gate.metric('held_bytes'), 0)
  })

  it('lets go of everything when its reader goes away', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.answerText('eth_getLogs', `["${'ab'.repeat(100_000)}"]`)
    const answer = await open(gate.url, batch(400, 'eth_getLogs'))
    await until(async () => (await gate.metric('held_bytes')) > 1_000_000)
    answer.destroy()
    await until(async () => (await gate.metric('held_bytes')) === 0)
    assert.ok(nodes[0]!.callsOf('eth_getLogs').length < 400)
    assert.equal((await gate.call('eth_gasPrice')).status, 200)
  })

  it('gets an error under the id of each that one client may not have held, and others are served', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { ...quiet, limits: { maxHeldBytes: 1_048_576 } })
    nodes[0]!.answerText('eth_getLogs', `["${'ab'.repeat(6000)}"]`)
    const { json } = await gate.post(batch(60, 'eth_getLogs'))
    const refused = json.filter(({ error }: { error?: object }) => error !== undefined)
    assert.ok(refused.length > 0 && refused.length < 60, `${refused.length} refused`)
    assert.deepEqual([refused[0].error.code, refused[0].error.data.class], [-32005, 'TOO_MUCH_HELD'])
    assert.deepEqual(
      json.map(({ id }: { id: number }) => id),
      Array.from({ length: 60 }, (_, at) => at + 1),
    )
    assert.equal(await gate.metric('held_bytes'), 0)
    assert.equal((await gate.call('eth_gasPrice')).status, 200)
  })

  it('passes on flowing what there is no room to hold', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { ...quiet, limits: { maxHeldBytes: 400_000 } })
    const large = `["${'ab'.repeat(100_000)}"]`
    nodes[0]!.answerText('eth_getLogs', large)
    const answer = await gate.call('eth_getLogs')
    assert.equal(answer.text, `{"jsonrpc":"2.0","id":1,"result":${large}}`)
    assert.equal(answer.header('transfer-encoding'), 'chunked')
    assert.equal(await gate.metric('held_bytes'), 0)
  })
})

describe('one client that asks for more slow answers than there are connections', () => {
  it('takes them neither from the next client nor from its node, and gets all of its own in the end', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    let release = (): void => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    nodes[0]!.answer(trace, async () => {
      await released
      return 'done'
    })
    const hogs = Array.from({ length: 4 }, () => gate.post(batch(100)))
    await until(() => nodes[0]!.callsOf(trace).length >= 192)
    const other = await collect(await open(gate.url, call(7, 'eth_gasPrice'), '127.0.0.2'))
    assert.equal(other.toString(), '{"jsonrpc":"2.0","id":7,"result":"0x7"}')
    assert.equal(nodes[0]!.callsOf(trace).length, 192)
    assert.equal(gate.upstream('a').eligible, true)
    release()
    for (const { json } of await Promise.all(hogs)) {
      assert.ok(json.every(({ result }: { result: string }) => result === 'done'))
    }
    assert.equal(nodes[0]!.callsOf(trace).length, 400)
  })
})

/** A gateway in a process of its own with a small heap, in front of a fake in this one. */
async function smallGate(t: TestContext) {
  const node = await startFakeElNode()
  t.after(() => node.close())
  const file = fileURLToPath(new URL('./gate-process.ts', import.meta.url))
  const child = fork(file, [node.url], { execArgv: ['--max-old-space-size=256'] })
  t.after(() => child.kill('SIGKILL'))
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const rss = async (): Promise<number> => {
    const answer = once(child, 'message')
    child.send('rss')
    return ((await answer) as [{ rss: number }])[0].rss
  }
  return { node, url: `http://127.0.0.1:${port}`, rss, child }
}

describe('six batches of large results that nobody reads', () => {
  it('cost a bounded part of memory, and the next caller is served', async (t) => {
    const { node, url, rss, child } = await smallGate(t)
    node.hugeResult(trace, 8_000_000)
    const before = await rss()
    const unread = await Promise.all(Array.from({ length: 6 }, () => open(url, batch(100))))
    await until(() => node.callsOf(trace).length >= 300, { deadlineMs: 90_000 })
    const other = await collect(await open(url, call(7, 'eth_gasPrice')))
    assert.equal(other.toString(), '{"jsonrpc":"2.0","id":7,"result":"0x7"}')
    const extra = (await rss()) - before
    assert.ok(extra < 256 * 1024 * 1024, `${(extra / 1048576).toFixed(0)} MB extra`)
    t.diagnostic(`${(extra / 1048576).toFixed(0)} MB extra, ${node.callsOf(trace).length} of 600 asked`)
    for (const answer of unread) answer.destroy()
    assert.equal(child.exitCode, null)
  })
})
