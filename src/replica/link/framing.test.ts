import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FrameReader, frameHeader } from './framing.ts'

function framesOf(reader: FrameReader): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame)
  return frames
}

describe('framing', () => {
  it('gives the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 })),
        fc.array(fc.integer({ min: 1, max: 200 })),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.flatMap((frame) => [frameHeader(frame.length), frame]))
          const reader = new FrameReader(1000)
          const got: Uint8Array[] = []
          let at = 0
          for (const cut of [...cuts, stream.length]) {
            reader.push(stream.subarray(at, at + cut))
            at = Math.min(stream.length, at + cut)
            got.push(...framesOf(reader))
          }
          assert.deepEqual(
            got.map((frame) => Buffer.from(frame).toString('hex')),
            frames.map((frame) => Buffer.from(frame).toString('hex')),
          )
        },
      ),
    )
  })

  it('refuses a length over the limit before the frame arrives', () => {
    const reader = new FrameReader(100)
    reader.push(frameHeader(101))
    assert.throws(() => reader.next(), { code: 'FRAME_TOO_LARGE' })
  })

  it('does not keep a large chunk alive for a small frame', () => {
    const reader = new FrameReader(1000)
    reader.push(Buffer.concat([frameHeader(10), Buffer.alloc(60_000)]))
    assert.equal(reader.next()?.buffer.byteLength, 10)
  })
})
