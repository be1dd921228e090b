import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { oneLine } from './one-line.ts'

describe('an event in a terminal', () => {
  it('is one line: what happened, then its fields', () => {
    const event = {
      level: 'warn',
      time: 'now',
      msg: 'upstream lost',
      upstream: 'a',
      reason: 'connection refused',
      lag: 3,
    }
    assert.equal(oneLine(event), 'upstream lost  upstream=a reason="connection refused" lag=3')
    assert.equal(oneLine({ msg: 'started' }), 'started')
  })

  it('stays one line whatever a field holds', () => {
    const event = { msg: 'm', a: 'two\nlines', b: { deep: ['x'] }, c: null, d: undefined, e: '', f: 'k=v' }
    assert.equal(oneLine(event), 'm  a="two\\nlines" b={"deep":["x"]} c=null e="" f="k=v"')
  })

  it('shows the stack of an error below', () => {
    const error = { type: 'Error', message: 'broken', stack: 'Error: broken\n    at place' }
    assert.equal(oneLine({ msg: 'm', error, id: 7 }), 'm  id=7\nError: broken\n    at place')
    assert.equal(oneLine({ msg: 'm', error: 'broken' }), 'm  error=broken')
  })
})
