import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { chooseCoding, contentCoding, decodeBody, encodeBody } from './encoding.ts'
import type { CarrierError } from './types.ts'

function decoded(body: Buffer, encoding: string | undefined, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    decodeBody(body, encoding, limit, (error, out) => (error === undefined ? resolve(out) : reject(error)))
  })
}

/** Hardly compressible, so that both the small and the large way are gone. */
const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, n) => (n * n * 31 + (n >> 3)) & 255))

describe('decoding a body', () => {
  it('undoes gzip, deflate with and without its header, and br', async () => {
    for (const body of [Buffer.alloc(0), Buffer.from('short'), noise(20_000)]) {
      assert.deepEqual(await decoded(gzipSync(body), 'gzip', 20_000), body)
      assert.deepEqual(await decoded(gzipSync(body), ' X-GZIP ', 20_000), body)
      assert.deepEqual(await decoded(deflateSync(body), 'deflate', 20_000), body)
      assert.deepEqual(await decoded(deflateRawSync(body), 'deflate', 20_000), body)
      assert.deepEqual(await decoded(brotliCompressSync(body), 'br', 20_000), body)
      assert.deepEqual(await decoded(body, undefined, 20_000), body)
    }
  })

  it('stops at the limit, however small the bomb', async () => {
    for (const size of [100_000, 5_000_000]) {
      const bomb = Buffer.alloc(size)
      for (const [bytes, coding] of [
        [gzipSync(bomb), 'gzip'],
        [deflateSync(bomb), 'deflate'],
        [brotliCompressSync(bomb), 'br'],
        [bomb, 'identity'],
      ] as const) {
        await assert.rejects(decoded(bytes, coding, size - 1), { code: 'TOO_LARGE' })
        assert.equal((await decoded(bytes, coding, size)).length, size)
      }
    }
  })

  it('fails on broken, cut and unknown bodies', async () => {
    for (const body of [Buffer.from('short'), noise(20_000)]) {
      for (const [bytes, coding] of [
        [gzipSync(body), 'gzip'],
        [brotliCompressSync(body), 'br'],
      ] as const) {
        await assert.rejects(decoded(bytes.subarray(0, -3), coding, 30_000), { code: 'MALFORMED' })
        await assert.rejects(decoded(Buffer.concat([Buffer.from('zz'), bytes]), coding, 30_000), { code: 'MALFORMED' })
      }
      await assert.rejects(decoded(body, 'zstd', 30_000), (error: CarrierError) => /not supported/.test(error.message))
      await assert.rejects(decoded(body, 'gzip, br', 30_000), { code: 'MALFORMED' })
    }
    assert.equal(contentCoding('zstd'), undefined)
  })
})

describe('the coding of an answer', () => {
  it('follows the weights of Accept-Encoding', () => {
    const cases: [string | undefined, string][] = [
      [undefined, 'identity'],
      ['', 'identity'],
      ['gzip', 'gzip'],
      ['GZIP, br', 'gzip'],
      ['br', 'br'],
      ['gzip;q=0.5, br;q=0.9', 'br'],
      ['gzip;q=0, br;q=0', 'identity'],
      ['*', 'gzip'],
      ['*;q=0', 'identity'],
      ['gzip;q=0, *', 'br'],
      ['identity, gzip;q=0.5', 'identity'],
      ['zstd, deflate', 'identity'],
      ['gzip;q=x', 'identity'],
    ]
    for (const [accept, coding] of cases) assert.equal(chooseCoding(accept), coding, accept)
  })

  it('can be undone again', async () => {
    const body = noise(5000)
    for (const coding of ['identity', 'gzip', 'br'] as const) {
      const encoded = await new Promise<Buffer>((resolve) => encodeBody(body, coding, resolve))
      assert.deepEqual(await decoded(encoded, coding, 5000), body)
    }
  })
})
