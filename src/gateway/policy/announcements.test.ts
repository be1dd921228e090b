import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rpcCall } from '../../../test/fake/gate.ts'
import type { RestCall } from '../../rpc/call.ts'
import { Announcements } from './announcements.ts'

const path = '/eth/v1/validator/prepare_beacon_proposer'
function call(body: string | Buffer, target = path, startedAt = 0): RestCall {
  const own = { verb: 'POST', target, body: Buffer.from(body as string), endless: false, everyone: true }
  return { ...rpcCall(), name: `POST ${target}`, label: `POST ${target}`, startedAt, ...own }
}
const of = (index: number, more = ''): string => `[{"validator_index": "${index}", "fee_recipient": "0x${more}"}]`
const texts = (kept: Announcements, now = 0): string[] => kept.keys(now).map((key) => String(kept.get(key)?.body))

describe('announcements', () => {
  it('keep the last of each client and route, the latest word last', () => {
    const kept = new Announcements()
    for (const text of [of(1, 'a'), of(2, 'b'), of(1, 'c')]) kept.keep(call(text), 0)
    kept.keep(call(of(1, 'd'), '/eth/v1/validator/register_validator'), 0)
    assert.deepEqual(texts(kept), [of(2, 'b'), of(1, 'c'), of(1, 'd')])
  })

  it('keep the newer word when an older one is taken later', () => {
    const kept = new Announcements()
    kept.keep(call(of(1, 'b'), path, 5), 10)
    kept.keep(call(of(1, 'a'), path, 0), 20)
    assert.deepEqual(texts(kept), [of(1, 'b')])
  })

  it('tell bodies that name nobody by their content', () => {
    const kept = new Announcements()
    const ssz = Buffer.from([1, 2, 3])
    for (const body of [ssz, ssz, Buffer.from([4])]) kept.keep(call(body), 0)
    assert.equal(kept.size, 2)
  })

  it('are bounded in number and in bytes; the oldest makes room', () => {
    const many = new Announcements()
    for (let n = 0; n < 300; n++) many.keep(call(of(n)), 0)
    assert.deepEqual([many.size, texts(many)[0]], [256, of(44)])
    const large = new Announcements()
    for (let n = 0; n < 6; n++) large.keep(call(of(n, '0'.repeat(4_000_000))), 0)
    assert.equal(large.size, 4)
    large.keep(call(of(9, '0'.repeat(20_000_000))), 0)
    assert.equal(large.size, 4)
  })

  it('are forgotten when their client has not said them again for long', () => {
    const kept = new Announcements()
    kept.keep(call(of(1)), 0)
    kept.keep(call(of(2)), 1_000_000)
    assert.deepEqual(texts(kept, 1_800_001), [of(2)])
    assert.equal(kept.size, 1)
  })
})
