import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { until } from '../fake/until.ts'
import { clStage, elStage, type Gate } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 }, limits: { maxHeldBytes: 2_000_000 } }
const call = '{"jsonrpc":"2.0","id":7,"method":"eth_gasPrice","params":[]}'

type Ending = 'FIN' | 'reset' | 'abort' | 'leave'

interface Attack {
  readonly bytes: Buffer
  readonly pieces: readonly number[]
  readonly ending: Ending
}

const bodies: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constant(Buffer.from(call)),
  fc.integer({ min: 2, max: 60 }).map((calls) => Buffer.from(`[${Array(calls).fill(call).join(',')}]`)),
  fc.integer({ min: 1, max: 300_000 }).map((size) => Buffer.alloc(size, '[')),
  fc.integer({ min: 1, max: 3_000_000 }).map((size) => gzipSync(Buffer.alloc(size, ' '))),
  fc.integer({ min: 1, max: 3_000_000 }).map((size) => brotliCompressSync(Buffer.alloc(size, ' '))),
  fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
)

const headers = fc.subarray([
  'Content-Encoding: gzip\r\n',
  'Content-Encoding: br\r\n',
  'Expect: 100-continue\r\n',
  'Connection: close\r\n',
  'Accept-Encoding: gzip\r\n',
])

/** A request for one of the doors, that may lie about its length. */
function requests(path: string): fc.Arbitrary<Buffer> {
  const lies = fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -5, max: 1e6 }) },
  )
  return fc.record({ body: bodies, more: headers, lie: lies, chunked: fc.boolean() }).map((parts) => {
    const { body, more, lie, chunked } = parts
    const length = Math.max(0, body.length + lie)
    const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more.join('')}${framing}\r\n\r\n`
    const open = chunked ? `${length.toString(16)}\r\n` : ''
    return Buffer.concat([Buffer.from(head + open), body, Buffer.from(chunked ? '\r\n0\r\n\r\n' : '')])
  })
}

/** Whole requests one behind the other, broken in some place, cut somewhere, sent in any pieces. */
function attacks(path: string): fc.Arbitrary<Attack> {
  const garbage = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
  const some = fc.array(fc.oneof({ weight: 5, arbitrary: requests(path) }, { weight: 1, arbitrary: garbage }), {
    minLength: 1,
    maxLength: 3,
  })
  return fc
    .record({
      some,
      spoilt: fc.option(fc.record({ at: fc.nat(2000), byte: fc.nat(255) })),
      cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      pieces: fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 12 }),
      ending: fc.constantFrom<Ending>('FIN', 'reset', 'abort', 'leave'),
    })
    .map(({ some, spoilt, cut, pieces, ending }) => {
      const bytes = Buffer.concat(some)
      if (spoilt !== null && spoilt.at < bytes.length) bytes[spoilt.at] = spoilt.byte
      return { bytes: bytes.subarray(0, cut === null ? bytes.length : Math.floor(bytes.length * cut)), pieces, ending }
    })
}

async function launch(gate: Gate, { bytes, pieces, ending }: Attack): Promise<Socket> {
  const { hostname, port } = new URL(gate.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.resume()
  let at = 0
  for (const size of [...pieces, bytes.length]) {
    if (at < bytes.length) socket.write(bytes.subarray(at, at + size))
    at += size
    await turn()
  }
  if (ending === 'FIN') socket.end()
  else if (ending === 'reset') socket.resetAndDestroy()
  else if (ending === 'abort') socket.destroy()
  return socket
}

async function heldBytes(gate: Gate): Promise<number> {
  const text = await (await fetch(`${gate.url}/metrics`)).text()
  return Number(/^drawbridge_held_bytes (\d+)$/m.exec(text)?.[1])
}

describe('hostile clients, whatever they send in whatever pieces and however they go', { concurrency: 2 }, () => {
  const doors = [
    { stage: elStage, path: '/el', ask: (gate: Gate) => gate.post(call) },
    { stage: clStage, path: '/cl/eth/v1/node/version', ask: (gate: Gate) => gate.send('/cl/eth/v1/node/version') },
  ]
  for (const { stage, path, ask } of doors) {
    it(`leave ${path} serving the others, and nothing held behind`, async (t) => {
      const { gate } = await stage(t, 1, quiet)
      assert.equal((await ask(gate)).status, 200)
      await fc.assert(
        fc.asyncProperty(fc.array(attacks(path), { minLength: 1, maxLength: 5 }), async (several) => {
          const launched = several.map((attack) => launch(gate, attack))
          assert.equal((await ask(gate)).status, 200, 'served meanwhile')
          const sockets = await Promise.all(launched)
          assert.equal((await ask(gate)).status, 200, 'served afterwards')
          for (const socket of sockets) socket.destroy()
          await until(async () => (await heldBytes(gate)) === 0, { describe: 'nothing is held' })
        }),
        { numRuns: 40 },
      )
    })
  }
})
