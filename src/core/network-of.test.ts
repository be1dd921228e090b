import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { networkOf } from './network-of.ts'

describe('the network of an address', () => {
  it('is the first 64 bits of an IPv6 one, and an IPv4 one itself, mapped or not', () => {
    assert.equal(networkOf('2001:db8::1'), networkOf('2001:db8:0:0:ffff::2'))
    assert.notEqual(networkOf('2001:db8::1'), networkOf('2001:db8:0:1::1'))
    assert.equal(networkOf('::ffff:10.1.2.3'), '10.1.2.3')
    assert.equal(networkOf('::1'), '0:0:0:0')
    assert.equal(networkOf('10.1.2.3'), '10.1.2.3')
    assert.equal(networkOf(''), '')
  })

  it('is shared by addresses that differ in the last 64 bits only, and by no others', () => {
    const group = fc.integer({ min: 1, max: 0xffff }).map((one) => one.toString(16))
    const half = fc.array(group, { minLength: 4, maxLength: 4 }).map((groups) => groups.join(':'))
    fc.assert(
      fc.property(half, half, half, half, (net, other, host, another) => {
        assert.equal(networkOf(`${net}:${host}`), networkOf(`${net}:${another}`))
        assert.equal(networkOf(`${net}:${host}`) === networkOf(`${other}:${host}`), net === other)
      }),
    )
  })
})
