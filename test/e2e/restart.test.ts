import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startFakeElNode } from '../fake/el-node.ts'
import { pause, until } from '../fake/until.ts'
import { agentClient, type RestartClient, rawClient, undiciClient } from './restart-clients.ts'

const binary = fileURLToPath(new URL('../../bin/drawbridge.js', import.meta.url))
const restarts = 4
const callsBetween = 300

/** The program, listening; `port` 0 takes a free one. */
async function serve(t: TestContext, node: string, port: number): Promise<{ child: ChildProcess; port: number }> {
  const flags = ['serve', node, '--listen', `127.0.0.1:${port}`, '--log-level', 'error']
  const child = spawn(process.execPath, [binary, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let printed = ''
  child.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const bound = (): string | undefined => /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1]
  await until(() => bound() !== undefined, { deadlineMs: 60_000 })
  return { child, port: Number(bound()) }
}

interface Tally {
  answered: number
  readonly lost: string[]
}

let made = 0

/** One caller: a call after the other, each another one. While nobody listens it waits, as a client must. */
async function keepCalling(client: RestartClient, tally: Tally, running: () => boolean): Promise<void> {
  while (running()) {
    const id = ++made
    const body = `{"jsonrpc":"2.0","id":${id},"method":"eth_getBalance","params":["0x${id.toString(16)}","latest"]}`
    try {
      const answer = JSON.parse(await client.post(body)) as { id: number; result?: unknown }
      if (answer.id === id && answer.result !== undefined) tally.answered++
      else tally.lost.push(JSON.stringify(answer))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') tally.lost.push(`${client.name}: ${String(error)}`)
      await pause(5)
    }
    await pause(id % 7)
  }
}

describe('a restart under load', () => {
  it('loses no call of any client, on connections kept alive or new, however often', async (t) => {
    const node = await startFakeElNode()
    t.after(() => node.close())
    let { child, port } = await serve(t, node.url, 0)
    const clients = [agentClient(port), undiciClient(port), ...Array.from({ length: 4 }, () => rawClient(port))]
    t.after(() => {
      for (const client of clients) client.close()
    })
    const tally: Tally = { answered: 0, lost: [] }
    let running = true
    const callers = clients.flatMap((client) =>
      Array.from({ length: 4 }, () => keepCalling(client, tally, () => running)),
    )
    for (let n = 0; n < restarts; n++) {
      const before = tally.answered
      await until(() => tally.answered >= before + callsBetween, { deadlineMs: 60_000 })
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      assert.deepEqual(await exited, [0, null])
      ;({ child } = await serve(t, node.url, port))
    }
    running = false
    await Promise.all(callers)
    assert.deepEqual(tally.lost, [])
  })
})
