import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BodyReader } from './body-reader.ts'

/** Reads `bytes` in pieces that end at `cuts`; returns the body and what was left over. */
function readAll(reader: BodyReader, bytes: Buffer, cuts: number[]): { body: string; used: number } {
  let body = ''
  let at = 0
  for (const end of [...cuts.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length]) {
    while (at < end && !reader.done && reader.broken === undefined) {
      at = reader.read(bytes, at, end)
      body += bytes.toString('latin1', reader.from, reader.to)
    }
  }
  return { body, used: at }
}

const cutsOf = fc.array(fc.nat(300), { maxLength: 8 })

describe('a body reader', () => {
  it('finds chunks wherever the bytes are cut, and stops behind the last one', () => {
    const chunk = fc.tuple(fc.stringMatching(/^[a-z]{1,40}$/), fc.stringMatching(/^(;[a-z=" ]{0,9})?$/), fc.boolean())
    const trailer = fc.stringMatching(/^[A-Z-]{1,9}:[ -~]{0,20}$/)
    const property = fc.property(fc.array(chunk), fc.array(trailer), cutsOf, (chunks, trailers, cuts) => {
      const lines = chunks.map(([data, extension, upper]) => {
        const size = data.length.toString(16)
        return `${upper ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`
      })
      const text = `${lines.join('')}0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`
      const reader = new BodyReader()
      reader.startChunked()
      const { body, used } = readAll(reader, Buffer.from(`${text}NEXT`, 'latin1'), cuts)
      assert.equal(reader.broken, undefined)
      assert.equal(reader.done, true)
      assert.equal(body, chunks.map(([data]) => data).join(''))
      assert.equal(used, text.length)
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('says the same about any bytes, however they are cut', () => {
    const bytesOf = fc.array(fc.constantFrom('0', '1', 'a', 'F', ';', '\r', '\n', '\r\n', ' ', 'X', ':', '-'), {
      maxLength: 40,
    })
    const property = fc.property(bytesOf, cutsOf, (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''), 'latin1')
      const whole = new BodyReader()
      const cut = new BodyReader()
      whole.startChunked()
      cut.startChunked()
      assert.deepEqual(readAll(cut, bytes, cuts), readAll(whole, bytes, []))
      assert.deepEqual([cut.done, cut.broken], [whole.done, whole.broken])
    })
    fc.assert(property, { numRuns: 2000 })
  })

  it('counts a length down and takes not a byte more', () => {
    const reader = new BodyReader()
    reader.startLength(5)
    assert.deepEqual(readAll(reader, Buffer.from('abcdefgh'), [1, 2]), { body: 'abcde', used: 5 })
    assert.equal(reader.done, true)
    reader.startLength(0)
    assert.equal(reader.done, true)
  })

  it('takes everything until the connection ends', () => {
    const reader = new BodyReader()
    reader.startUntilClose()
    assert.equal(readAll(reader, Buffer.from('abc'), [1]).body, 'abc')
    assert.equal(reader.endsWithConnection, true)
  })

  it('takes a chunk of the largest size that a number can hold exactly, and none above', () => {
    const reader = new BodyReader()
    reader.startChunked()
    reader.read(Buffer.from('ffffffffffff\r\n'), 0, 14)
    assert.equal(reader.broken, undefined)
    reader.startChunked()
    readAll(reader, Buffer.from('1000000000000\r\n'), [])
    assert.match(reader.broken ?? '', /too long/)
  })
})
