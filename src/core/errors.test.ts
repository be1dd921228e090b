import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DrawbridgeError, InvariantError, messageOf } from './errors.ts'

class SpecialError extends DrawbridgeError {}

describe('an error of ours', () => {
  it('carries code, sentence, next step and cause, and the name of its class', () => {
    const cause = new Error('inner')
    const error = new SpecialError('CODE', 'It broke.', { nextStep: 'Mend it.', cause })
    assert.ok(error instanceof Error)
    assert.deepEqual(
      [error.name, error.code, error.message, error.nextStep, error.cause],
      ['SpecialError', 'CODE', 'It broke.', 'Mend it.', cause],
    )
    assert.equal(error.explained, 'It broke. Mend it.')
  })

  it('is explained by its sentence alone when there is no next step, and has no cause then', () => {
    const error = new DrawbridgeError('CODE', 'It broke.')
    assert.equal(error.explained, 'It broke.')
    assert.equal('cause' in error, false)
  })
})

describe('a broken invariant', () => {
  it('shows the values that prove it, big integers too', () => {
    const error = new InvariantError('Sums differ.', { a: 1, b: 2n })
    assert.equal(error.message, 'Sums differ. ({"a":1,"b":"2"})')
    assert.equal(error.code, 'INVARIANT_BROKEN')
    assert.match(error.explained, /bug in Drawbridge/)
    assert.equal(new InvariantError('Sums differ.').message, 'Sums differ.')
  })
})

describe('messageOf', () => {
  it('finds words in anything that was thrown', () => {
    assert.deepEqual([new Error('a'), 'b', 3, undefined, null].map(messageOf), ['a', 'b', '3', 'undefined', 'null'])
  })
})
