import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { GatheredBytes } from './gathered-bytes.ts'

describe('GatheredBytes', () => {
  it('holds few buffers for pieces of one byte', () => {
    const whole = Buffer.alloc(300_000, 'abcdefg')
    const gathered = new GatheredBytes()
    for (let at = 0; at < whole.length; at++) gathered.add(whole.subarray(at, at + 1))
    assert.ok(gathered.pieces <= 10, `${gathered.pieces} buffers`)
    assert.ok(gathered.take().equals(whole))
  })

  it('gives what was added, in order, and begins anew after it was taken or dropped', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 4000, max: 9000 }))
    const round = fc.record({ sizes: fc.array(size, { maxLength: 40 }), drops: fc.boolean() })
    fc.assert(
      fc.property(fc.array(round, { maxLength: 4 }), (rounds) => {
        const gathered = new GatheredBytes()
        for (const { sizes, drops } of rounds) {
          const pieces = sizes.map((length, at) => Buffer.alloc(length, at + 1))
          for (const piece of pieces) gathered.add(piece)
          const whole = Buffer.concat(pieces)
          assert.equal(gathered.length, whole.length)
          if (drops) gathered.drop()
          else assert.ok(gathered.take().equals(whole))
          assert.equal(gathered.length + gathered.pieces, 0)
        }
      }),
    )
  })
})
