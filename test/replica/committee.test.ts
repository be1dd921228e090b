import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { TestCommittee, until } from './harness.ts'

let committee: TestCommittee | undefined
afterEach(async () => {
  await committee?.stop()
  committee = undefined
})

describe('four replicas over TLS and disk', () => {
  it('order every transaction once, alike', async () => {
    committee = await TestCommittee.create(4)
    const { validators } = committee
    await Promise.all(validators.map((validator) => validator.start()))
    const names = Array.from({ length: 200 }, (_, n) => `transaction ${n}`)
    const results = await Promise.all(names.map((name, n) => validators[n % 4]!.submit(name)))
    assert.deepEqual([...new Set(results)], ['included'])
    await until(() => validators.every(({ transactions }) => transactions.length >= 200), 'all are ordered')
    for (const { transactions } of validators) assert.deepEqual([...transactions].sort(), [...names].sort())
    committee.assertAgreement()
  })
})
