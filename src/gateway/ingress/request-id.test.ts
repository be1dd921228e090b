import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../core/random.ts'
import { RequestIds } from './request-id.ts'

describe('the id of a request', () => {
  const ids = new RequestIds(seededRandom(1))

  it('is the client’s own when that can be logged and passed on', () => {
    for (const own of ['a', 'x-1', '!~', 'a'.repeat(128)]) assert.equal(ids.idFor(own), own)
  })

  it('is a new one in place of one that is empty, too long, or could break a line', () => {
    for (const odd of ['', 'a b', 'a\nb', 'a\r\nX: y', 'é', 'a'.repeat(129), '\u0000'])
      assert.notEqual(ids.idFor(odd), odd)
  })

  it('is never given twice, nor by two gateways', () => {
    const other = new RequestIds(seededRandom(2))
    const given = Array.from({ length: 1000 }, () => [ids.idFor(undefined), other.idFor(undefined)]).flat()
    assert.equal(new Set(given).size, given.length)
  })

  it('is always fit for a header', () => {
    fc.assert(
      fc.property(fc.option(fc.string({ unit: 'binary' })), (own) =>
        /^[\x21-\x7e]{1,128}$/.test(ids.idFor(own ?? undefined)),
      ),
    )
  })
})
