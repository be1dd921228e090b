import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { Collected, collect, until } from './until.ts'

describe('until', () => {
  it('returns the first true value', async () => {
    let polls = 0
    assert.equal(await until(() => (++polls < 3 ? 0 : 'here')), 'here')
    assert.equal(polls, 3)
  })

  it('waits for a block of asserts to stop throwing', async () => {
    let polls = 0
    await until(() => assert.equal(++polls, 3))
    assert.equal(polls, 3)
  })

  it('says what it waited for and what it saw', async () => {
    const never = until(() => false, { deadlineMs: 20, describe: () => ({ calls: ['eth_chainId'] }) })
    await assert.rejects(never, /waited 20 ms in vain; seen: \{ calls: \[ 'eth_chainId' \] \}/)
    await assert.rejects(
      until(() => 0, { deadlineMs: 1, describe: 'a head' }),
      /for a head in vain; seen: 0/,
    )
  })

  it('keeps the last failure as the cause', async () => {
    const failing = until(() => assert.equal(1, 2), { deadlineMs: 1 })
    await assert.rejects(failing, (error: Error) => error.cause instanceof assert.AssertionError)
  })
})

describe('collecting', () => {
  it('joins a stream', async () => {
    assert.equal(String(await collect(Readable.from(['ab', Buffer.from('cd')]))), 'abcd')
  })

  it('waits for what a callback delivers', async () => {
    const collected = new Collected<number>()
    setTimeout(() => [1, 2, 3].forEach(collected.push), 5)
    assert.deepEqual(await collected.first(2), [1, 2])
    await assert.rejects(collected.first(4, 10), /1, 2, 3/)
  })
})
