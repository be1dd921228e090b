import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Cancellation } from './cancel.ts'

describe('a cancellation', () => {
  it('tells every listener once, in order, however often it is cancelled', () => {
    const cancellation = new Cancellation()
    const heard: number[] = []
    for (const n of [1, 2, 3]) cancellation.onCancel(() => heard.push(n))
    assert.equal(cancellation.cancelled, false)
    cancellation.cancel()
    cancellation.cancel()
    assert.deepEqual(heard, [1, 2, 3])
    assert.equal(cancellation.cancelled, true)
  })

  it('tells a listener that comes too late at once', () => {
    const cancellation = new Cancellation()
    cancellation.cancel()
    let heard = false
    cancellation.onCancel(() => {
      heard = true
    })
    assert.ok(heard)
  })

  it('is cancelled already for a listener that looks, or that adds another', () => {
    const cancellation = new Cancellation()
    const heard: string[] = []
    cancellation.onCancel(() => {
      assert.ok(cancellation.cancelled)
      cancellation.onCancel(() => heard.push('inner'))
      heard.push('outer')
    })
    cancellation.cancel()
    assert.deepEqual(heard, ['inner', 'outer'])
  })
})
