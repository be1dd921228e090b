import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { editDistance, nearest } from './nearest.ts'

describe('nearest', () => {
  it('names the word that was most likely meant', () => {
    assert.equal(nearest('ulr', ['name', 'url', 'ws']), 'url')
    assert.equal(nearest('intervalms', ['intervalMs', 'timeoutMs']), 'intervalMs')
    assert.equal(nearest('upstream', ['upstreams', 'probe']), 'upstreams')
  })

  it('names nothing when nothing is near', () => {
    assert.equal(nearest('cache', ['listen', 'networks']), undefined)
    assert.equal(nearest('x', []), undefined)
  })
})

describe('editDistance', () => {
  it('counts insertions, deletions, replacements and swaps', () => {
    assert.equal(editDistance('abc', 'abcd'), 1)
    assert.equal(editDistance('abcd', 'abc'), 1)
    assert.equal(editDistance('abc', 'axc'), 1)
    assert.equal(editDistance('abc', 'acb'), 1)
    assert.equal(editDistance('', 'abc'), 3)
  })

  it('is symmetric, and zero only between equal words', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        assert.equal(editDistance(a, b), editDistance(b, a))
        assert.equal(editDistance(a, b) === 0, a === b)
      }),
    )
  })
})
