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

  it('takes a large frame that drips in byte by byte in few pieces, and gives it whole', () => {
    const size = 1024 * 1024
    const reader = new FrameReader(size)
    const frame = Buffer.from(Uint8Array.from({ length: size }, (_, at) => at * 7))
    let most = 0
    for (const byte of Buffer.concat([frameHeader(size), frame]).subarray(0, -1)) {
      reader.push(Uint8Array.of(byte))
      assert.equal(reader.next(), undefined)
      most = Math.max(most, reader.waiting.chunks)
    }
    assert.equal(reader.waiting.bytes, size - 1)
    assert.ok(most <= size / 8192, `${most} pieces`)
    reader.push(frame.subarray(-1))
    assert.ok(frame.equals(reader.next()!))
    assert.deepEqual(reader.waiting, { bytes: 0, chunks: 0 })
  })

  it('gives the same frames when small pieces, large ones and whole frames alternate', () => {
    const frames = [3, 9_000, 5, 40_000, 0, 20_000].map((size, at) => Buffer.alloc(size, at + 1))
    const stream = Buffer.concat(frames.flatMap((frame) => [frameHeader(frame.length), frame]))
    const reader = new FrameReader(50_000)
    const got: Uint8Array[] = []
    const cuts = [1, 4_096, 2, 3, 7_000, 1, 1, 30]
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const end = at + cuts[turn % cuts.length]!
      reader.push(Uint8Array.from(stream.subarray(at, end)))
      at = end
      got.push(...framesOf(reader))
    }
    assert.deepEqual(
      got.map((frame) => Buffer.from(frame)),
      frames,
    )
  })

  it('refuses the first frame by a narrower limit before any of it is kept', () => {
    const reader = new FrameReader(1_000_000)
    reader.push(frameHeader(257))
    assert.throws(() => reader.next(256), { code: 'FRAME_TOO_LARGE' })
  })
})
