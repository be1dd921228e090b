import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { ByteAccount, type Holding } from '../core/byte-account.ts'
import { Decoding } from './decoding.ts'

interface Decoded {
  readonly code: string | undefined
  readonly size: number
}

function decoded(decoding: Decoding, body: Buffer, coding: string, holding: Holding, limit = 1e7): Promise<Decoded> {
  return new Promise((resolve) => {
    decoding.decode(body, coding, limit, holding, (error, out) => resolve({ code: error?.code, size: out.length }))
  })
}

const zeros = (size: number): Buffer => Buffer.alloc(size)

describe('decoding what clients send', () => {
  it('refuses what unfolds out of proportion, in every coding, and lets a megabyte of anything pass', async () => {
    const account = new ByteAccount(100_000_000)
    for (const [coding, encode] of [
      ['gzip', gzipSync],
      ['br', brotliCompressSync],
    ] as const) {
      const holding = account.open('a')
      const decoding = new Decoding()
      assert.equal((await decoded(decoding, encode(zeros(5_000_000)), coding, holding)).code, 'TOO_LARGE')
      assert.equal(account.held, 0)
      assert.deepEqual(await decoded(decoding, encode(zeros(1_000_000)), coding, holding), {
        code: undefined,
        size: 1_000_000,
      })
      assert.equal(account.held, 1_000_000)
      holding.release()
    }
    assert.equal(account.held, 0)
  })

  it('books the room before it decodes, and does not begin without', async () => {
    const account = new ByteAccount(1_000_000)
    const holding = account.open('a')
    const body = gzipSync(zeros(1000))
    assert.deepEqual(await decoded(new Decoding(), body, 'gzip', holding), { code: 'NO_ROOM', size: body.length })
    assert.equal(holding.shortage, 'client')
    assert.equal(account.held, 0)
  })

  it('never unfolds brotli on the spot, however small it is', () => {
    const holding = new ByteAccount(100_000_000).open('a')
    let called = false
    new Decoding().decode(brotliCompressSync(zeros(10)), 'br', 1000, holding, () => {
      called = true
    })
    assert.equal(called, false)
  })

  it('decodes two at a time, and passes over those whose exchange is over', async () => {
    const account = new ByteAccount(100_000_000)
    const decoding = new Decoding()
    const body = gzipSync(Buffer.from(Array.from({ length: 500_000 }, (_, n) => (n * n * 31 + (n >> 3)) & 255)))
    const holdings = Array.from({ length: 6 }, (_, n) => account.open(`client ${n}`))
    const all = holdings.map((holding) => decoded(decoding, body, 'gzip', holding))
    assert.equal(account.clients, 2, 'the others wait for their turn')
    holdings[5]!.release()
    const codes = (await Promise.all(all)).map(({ code }) => code)
    assert.deepEqual(codes, [undefined, undefined, undefined, undefined, undefined, 'ABORTED'])
    for (const holding of holdings) holding.release()
    assert.equal(account.held, 0)
  })

  it('takes the clients in turns: one with many bodies does not keep the others waiting', async () => {
    const account = new ByteAccount(1_000_000_000)
    const decoding = new Decoding()
    const body = brotliCompressSync(zeros(1000))
    const order: string[] = []
    const decode = (client: string): Promise<void> =>
      decoded(decoding, body, 'br', account.open(client)).then(() => void order.push(client))
    await Promise.all([...Array.from({ length: 40 }, () => decode('many')), decode('one'), decode('another')])
    // Two were begun before they came, and two take their turns between.
    for (const client of ['one', 'another']) assert.ok(order.indexOf(client) < 8, order.join(' '))
    assert.equal(order.length, 42)
  })

  it('gives the room back for broken and unknown codings', async () => {
    const account = new ByteAccount(100_000_000)
    const holding = account.open('a')
    for (const [body, coding] of [
      [gzipSync(zeros(100_000)).subarray(0, -3), 'gzip'],
      [Buffer.from('nonsense'), 'br'],
      [Buffer.from('any'), 'zstd'],
    ] as const) {
      assert.equal((await decoded(new Decoding(), body, coding, holding)).code, 'MALFORMED')
    }
    assert.equal(account.held, 0)
  })
})
