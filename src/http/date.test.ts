import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { httpDate } from './date.ts'

describe('an HTTP date', () => {
  it('is what the platform would print, from 1970 to 9999', () => {
    assert.equal(httpDate(784_111_777_000), 'Sun, 06 Nov 1994 08:49:37 GMT')
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
        assert.equal(httpDate(ms), new Date(ms).toUTCString())
      }),
      { numRuns: 2000 },
    )
  })
})
