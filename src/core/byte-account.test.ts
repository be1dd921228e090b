import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteAccount, type Holding } from './byte-account.ts'

describe('the account of held bytes', () => {
  it('gives a client a quarter of the whole, and says which of the two is spent', () => {
    const account = new ByteAccount(400)
    const first = account.open('a')
    assert.equal(first.take(100), true)
    assert.equal(first.take(1), false)
    assert.equal(first.shortage, 'client')
    for (const client of ['b', 'c']) assert.equal(account.take(client, 100), true)
    assert.equal(account.take('d', 60), true)
    const last = account.open('e')
    assert.equal(last.take(41), false)
    assert.equal(last.shortage, 'all')
    assert.equal(last.take(40), true, 'what fits is taken all the same')
  })

  it('books nothing of what it refuses', () => {
    const account = new ByteAccount(100, 100)
    account.take('a', 60)
    assert.equal(account.take('a', 41), false)
    assert.equal(account.take('b', 41), false)
    assert.deepEqual([account.held, account.heldFor('a'), account.heldFor('b'), account.clients], [60, 60, 0, 1])
  })

  it('takes a release twice, and lets what comes after it be free', () => {
    const account = new ByteAccount(100, 100)
    const holding = account.open('a')
    holding.take(50)
    holding.release()
    holding.release()
    assert.equal(holding.take(30), true)
    holding.give(30)
    assert.deepEqual([account.held, account.clients, holding.bytes], [0, 0, 0])
  })

  it('takes note of what is there already beyond every bound, and others wait until it is gone', () => {
    const account = new ByteAccount(100, 50)
    const holding = account.open('a')
    holding.set(300)
    assert.deepEqual([account.held, account.heldFor('a')], [300, 300])
    assert.deepEqual([account.take('a', 1), account.take('b', 1)], [false, false])
    holding.set(20)
    assert.deepEqual([account.held, account.take('a', 30), account.take('b', 50)], [20, true, true])
    holding.release()
    holding.set(10)
    assert.equal(account.held, 80)
  })

  it('is the sum of what is held, within both bounds, and empty at the end, in whatever order things happen', () => {
    const client = fc.constantFrom('a', 'b', 'c')
    const step = fc.record({
      kind: fc.constantFrom('open', 'take', 'take', 'give', 'release'),
      client,
      at: fc.nat(9),
      bytes: fc.integer({ min: 0, max: 60 }),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(step, { maxLength: 80 }), (limit, steps) => {
        const account = new ByteAccount(limit)
        const open: { readonly client: string; readonly holding: Holding }[] = []
        for (const { kind, client, at, bytes } of steps) {
          const one = open[at % Math.max(1, open.length)]
          if (kind === 'open' || one === undefined) open.push({ client, holding: account.open(client) })
          else if (kind === 'release') one.holding.release()
          else one.holding[kind === 'take' ? 'take' : 'give'](bytes)
          const sumOf = (held: typeof open): number => held.reduce((sum, { holding }) => sum + holding.bytes, 0)
          assert.equal(account.held, sumOf(open))
          assert.ok(account.held <= limit)
          for (const name of ['a', 'b', 'c']) {
            assert.equal(account.heldFor(name), sumOf(open.filter((each) => each.client === name)))
            assert.ok(account.heldFor(name) <= account.share)
          }
        }
        for (const { holding } of open) holding.release()
        assert.deepEqual([account.held, account.clients], [0, 0])
      }),
    )
  })
})
