import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { realClock } from '../core/clock.ts'
import { newClient, withServer } from './harness.test.ts'
import type { BodyReceiver, Exchange, Flow, HttpClient, OutgoingCall } from './types.ts'

const chunk = Buffer.alloc(65_536, 7)
const chunks = 1600
/** The reader stops each time that it has read this much. */
const stopEvery = 524_288

/**
 * Passes a body of 100 MiB through server → client → server to a slow reader; prints by how much the process grew from
 * the first look on. The garbage is collected at each look: what is left are the bytes on their way.
 */
async function relay(): Promise<void> {
  let peak = 0
  let before = 0
  const note = (): void => {
    globalThis.gc?.()
    const { rss } = process.memoryUsage()
    before ||= rss
    peak = Math.max(peak, rss)
  }
  await withServer(source, async (sourcePort) => {
    const client = newClient(new URL(`http://127.0.0.1:${sourcePort}`))
    await withServer(
      (exchange) => pass(exchange, client),
      async (port) => {
        const size = await readSlowly(port, note)
        console.log(JSON.stringify({ size, growth: peak - before }))
      },
    )
    client.destroy()
  })
}

/** Answers with everything that comes in, as it comes. */
function source(exchange: Exchange): void {
  const flow: Flow = exchange.stream({
    onData: (bytes) => void (exchange.write(bytes) || flow.pause()),
    onEnd: () => exchange.end(),
    onError: () => exchange.destroy(),
  })
  exchange.onDrain = () => flow.resume()
  exchange.start(200, [])
}

function pass(exchange: Exchange, client: HttpClient): void {
  const open = (receiver: BodyReceiver): Flow => exchange.stream(receiver)
  const request = { method: 'POST', target: '/', headers: [], body: { length: undefined, open }, redo: false }
  const outgoing: OutgoingCall = client.send(request, {
    onHead: (status) => exchange.start(status, []),
    onData: (bytes) => void (exchange.write(bytes) || outgoing.pause()),
    onEnd: () => exchange.end(),
    onError: () => exchange.destroy(),
  })
  exchange.onDrain = () => outgoing.resume()
}

function readSlowly(port: number, note: () => void): Promise<number> {
  let size = 0
  let stopAt = stopEvery
  return new Promise((resolve, reject) => {
    const client = newClient(new URL(`http://127.0.0.1:${port}`))
    const request = {
      method: 'POST',
      target: '/',
      headers: [],
      body: { length: undefined, open: produce },
      redo: false,
    }
    const outgoing: OutgoingCall = client.send(request, {
      onHead: () => {},
      onData: (bytes) => {
        size += bytes.length
        if (size < stopAt) return
        stopAt += stopEvery
        note()
        outgoing.pause()
        realClock.after(0, () => outgoing.resume())
      },
      onEnd: () => {
        client.destroy()
        resolve(size)
      },
      onError: reject,
    })
  })
}

function produce(receiver: BodyReceiver): Flow {
  let sent = 0
  let flowing = true
  const push = (): void => {
    while (flowing && sent < chunks) {
      sent++
      receiver.onData(chunk)
    }
    if (sent === chunks) receiver.onEnd()
  }
  queueMicrotask(push)
  return {
    pause: () => {
      flowing = false
    },
    resume: () => {
      flowing = true
      push()
    },
  }
}

if (process.argv[2] === 'relay') await relay()
else {
  describe('a large body on its way through', () => {
    it('takes no more memory than the buffers on its way, however slow the reader', async () => {
      const script = fileURLToPath(import.meta.url)
      const output = await new Promise<string>((resolve, reject) => {
        execFile(process.execPath, ['--expose-gc', script, 'relay'], { timeout: 60_000 }, (error, stdout) => {
          if (error === null) resolve(stdout)
          else reject(error)
        })
      })
      const { size, growth } = JSON.parse(output)
      assert.equal(size, chunk.length * chunks)
      assert.ok(growth < 32 * 1024 * 1024, `the process grew by ${growth} bytes`)
    })
  })
}
