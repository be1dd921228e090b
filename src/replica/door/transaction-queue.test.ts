import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { SubmitResult } from '../seams.ts'
import { TransactionQueue } from './transaction-queue.ts'

const limits = { maxTransactions: 10, maxBytes: 100, maxTransactionBytes: 40 }
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

describe('the transaction queue', () => {
  it('gives out the oldest first, within count and bytes', () => {
    const queue = new TransactionQueue(limits)
    for (const one of ['aaaa', 'bb', 'cccc', 'd']) queue.submit(Buffer.from(one), () => {})
    assert.deepEqual(queue.take(2, 100).map(text), ['aaaa', 'bb'])
    assert.deepEqual(queue.take(9, 3).map(text), [], 'the next is too large, and order is kept')
    assert.deepEqual(queue.take(9, 5).map(text), ['cccc', 'd'])
    assert.deepEqual([queue.length, queue.bytes], [0, 0])
  })

  it('acknowledges what was taken since the last seal, and only that', () => {
    const queue = new TransactionQueue(limits)
    const done: string[] = []
    for (const one of ['a', 'b', 'c']) queue.submit(Buffer.from(one), (result) => done.push(`${one} ${result}`))
    queue.take(1, 10)
    const first = queue.sealed()
    queue.take(1, 10)
    const second = queue.sealed()
    second()
    assert.deepEqual(done, ['b included'])
    first()
    assert.deepEqual(done, ['b included', 'a included'])
    assert.equal(queue.length, 1)
  })

  it('refuses at its limits, and everything after the end', () => {
    const queue = new TransactionQueue(limits)
    const results: SubmitResult[] = []
    const submit = (length: number): void => queue.submit(Buffer.alloc(length), (result) => results.push(result))
    submit(41)
    for (const length of [40, 40, 21, 20]) submit(length)
    assert.deepEqual(results, ['tooLarge', 'queueFull'])
    queue.stop()
    submit(1)
    assert.deepEqual(results.slice(2), ['stopped', 'stopped', 'stopped', 'stopped'])
  })

  it('answers every transaction exactly once, whatever happens', () => {
    const action = fc.oneof(
      fc.record({ type: fc.constant('submit' as const), length: fc.nat(50) }),
      fc.record({ type: fc.constant('take' as const), length: fc.nat(60) }),
      fc.record({ type: fc.constant('seal' as const), length: fc.constant(0) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
        const queue = new TransactionQueue(limits)
        const answers: number[] = []
        for (const { type, length } of actions) {
          if (type === 'take') queue.take(5, length)
          else if (type === 'seal') queue.sealed()()
          else {
            const at = answers.push(0) - 1
            queue.submit(Buffer.alloc(length), () => answers[at]!++)
          }
          assert.ok(queue.length <= limits.maxTransactions && queue.bytes <= limits.maxBytes)
        }
        queue.stop()
        assert.deepEqual(new Set(answers), new Set(answers.length === 0 ? [] : [1]))
      }),
    )
  })
})
