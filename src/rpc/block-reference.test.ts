import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { blockReference } from './block-reference.ts'

const find = (params: string, position = 0) => blockReference(Buffer.from(params), position)
const hash = `0x${'Ab'.repeat(32)}`

describe('blockReference', () => {
  it('finds tags, numbers and hashes', () => {
    for (const tag of ['latest', 'pending', 'earliest', 'safe', 'finalized']) {
      assert.deepEqual(find(`["${tag}"]`), { kind: 'tag', tag })
    }
    assert.deepEqual(find('["0x10d4f",false]'), { kind: 'number', number: 68943 })
    assert.deepEqual(find(`[ "${hash}" ]`), { kind: 'hash', hash: hash.toLowerCase() })
  })

  it('finds it behind large and odd parameters', () => {
    const first = JSON.stringify({ data: `0x${'ab'.repeat(100_000)}`, odd: '],["latest"' })
    assert.deepEqual(find(`[ ${first} , "safe" , {} ]`, 1), { kind: 'tag', tag: 'safe' })
    assert.deepEqual(find('[[1,[2,"]"]],"x","0x5"]', 2), { kind: 'number', number: 5 })
  })

  it('takes the object of EIP-1898', () => {
    assert.deepEqual(find('[{"blockNumber":"0x5"}]'), { kind: 'number', number: 5 })
    assert.deepEqual(find('[{"blockNumber":"finalized"}]'), { kind: 'tag', tag: 'finalized' })
    const expected = { kind: 'hash', hash: hash.toLowerCase() }
    assert.deepEqual(find(`["0xaa", { "requireCanonical" : true , "blockHash" : "${hash}" } ]`, 1), expected)
  })

  it('tells a reference that is not given', () => {
    for (const params of ['[]', '[ ]', '["0xaa"]', '["0xaa",null]']) {
      assert.deepEqual(find(params, 1), { kind: 'absent' }, params)
    }
    assert.deepEqual(blockReference(undefined, 1), { kind: 'absent' })
    assert.deepEqual(blockReference(Buffer.from('["latest"]'), undefined), { kind: 'absent' })
  })

  it('leaves other forms to the node', () => {
    const odd = [
      '5',
      '"5"',
      'true',
      '"Latest"',
      '"0x"',
      '""',
      '[]',
      '{}',
      '{"blockNumber":{}}',
      '"0xffffffffffffffff"',
      '1234567',
    ]
    for (const one of odd) assert.deepEqual(find(`[${one}]`), { kind: 'unknown' }, one)
    assert.deepEqual(find(`["${'x'.repeat(1000)}"]`), { kind: 'unknown' })
    assert.deepEqual(find('{"block":"latest"}'), { kind: 'unknown' })
  })

  it('finds any element of any array', () => {
    const indent = fc.constantFrom(undefined, 1)
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.nat({ max: 0xffff_ffff }), indent, (before, number, space) => {
        const params = JSON.stringify([...before, `0x${number.toString(16)}`, 1], null, space)
        assert.deepEqual(find(params, before.length), { kind: 'number', number })
      }),
    )
  })
})
