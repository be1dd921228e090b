import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { until } from '../fake/until.ts'
import { clStage, elStage, type Gate } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const doors = {
  el: { stage: elStage, path: '/el' },
  cl: { stage: clStage, path: '/cl/eth/v1/validator/register_validator' },
}

/** A connection that sends what it is told and keeps what it gets. */
class Rude {
  seen = ''
  readonly socket: Socket

  constructor(t: TestContext, gate: Gate, text: string) {
    const { hostname, port } = new URL(gate.url)
    this.socket = connect(Number(port), hostname, () => this.socket.write(text))
    this.socket.on('data', (chunk: Buffer) => {
      this.seen += chunk.toString('latin1')
    })
    this.socket.on('error', () => {})
    t.after(() => this.socket.destroy())
  }
}

async function heldBytes(gate: Gate): Promise<number> {
  const text = await (await fetch(`${gate.url}/metrics`)).text()
  return Number(/^drawbridge_held_bytes (\d+)$/m.exec(text)?.[1])
}

describe('a client that makes the gateway hold', { concurrency: 4 }, () => {
  for (const { stage, path } of Object.values(doors)) {
    it(`hundred bodies without end at ${path} is refused beyond its share, and others are served`, async (t) => {
      const { gate } = await stage(t, 1, { ...quiet, limits: { maxHeldBytes: 4_000_000 } })
      const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n`
      const rude = Array.from({ length: 100 }, () => new Rude(t, gate, head + '['.repeat(90_000)))
      await until(() => rude.filter(({ seen }) => seen !== '').length >= 88)
      for (const { seen } of rude) {
        if (seen !== '') assert.match(seen, /^HTTP\/1\.1 429 [\s\S]*Retry-After: 1\r\n[\s\S]*TOO_MUCH_HELD/)
      }
      const held = await heldBytes(gate)
      assert.ok(held > 0 && held <= 1_000_000, `${held} bytes`)
      for (const { socket } of rude) socket.destroy()
      await until(async () => (await heldBytes(gate)) === 0)
    })
  }
})
