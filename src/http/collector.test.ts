import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Collector } from './collector.ts'

function collected(pieces: readonly Buffer[]): { readonly body: Buffer; readonly held: number } {
  let body: Buffer | undefined
  const collector = new Collector(1e9, (_, whole) => {
    body = whole
  })
  for (const piece of pieces) collector.onData(piece)
  const held = collector.pieces
  collector.onEnd()
  return { body: body!, held }
}

describe('Collector', () => {
  it('holds few buffers for a body of one-byte pieces', () => {
    const whole = Buffer.alloc(300_000, 'abcdefg')
    const { body, held } = collected(Array.from(whole, (_, at) => whole.subarray(at, at + 1)))
    assert.ok(body.equals(whole))
    assert.ok(held <= 10, `${held} buffers`)
  })

  it('gathers any pieces, in order', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 4000, max: 9000 }))
    fc.assert(
      fc.property(fc.array(size, { maxLength: 60 }), (sizes) => {
        const pieces = sizes.map((length, at) => Buffer.alloc(length, at + 1))
        assert.ok(collected(pieces).body.equals(Buffer.concat(pieces)))
      }),
    )
  })
})
