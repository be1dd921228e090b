import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { firstString, withFirstString } from './params.ts'

const first = (text: string) => firstString(Buffer.from(text))

describe('the first string among the params', () => {
  it('is found behind any white space, whatever follows', () => {
    assert.equal(first('["0xab"]'), '0xab')
    assert.equal(first(' [ \n\t"0xab" , {"a":["b"]}]'), '0xab')
    assert.equal(first('[""]'), '')
  })

  it('is nothing where there is none in the first place', () => {
    for (const text of ['[]', '{}', '{"0":"a"}', '[1,"a"]', '[["a"]]', '[null,"a"]', '"a"', '', '["a', '[']) {
      assert.equal(first(text), undefined, text)
    }
    assert.equal(firstString(undefined), undefined)
  })

  it('is nothing when it holds an escape: none of our strings needs one', () => {
    assert.equal(first('["a\\"b"]'), undefined)
    assert.equal(first('["\\u0061"]'), undefined)
  })

  it('is what JSON.parse finds, for hex strings', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-fx]*$/), fc.array(fc.jsonValue()), (text, rest) => {
        assert.equal(first(JSON.stringify([text, ...rest], null, 1)), text)
      }),
    )
  })

  it('takes any bytes without failing', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => ['string', 'undefined'].includes(typeof firstString(Buffer.from(bytes)))),
    )
  })
})

describe('withFirstString', () => {
  it('replaces that string and nothing else', () => {
    assert.equal(String(withFirstString(Buffer.from('[ "0x1" ,"0x1", 2]'), '0xabc')), '[ "0xabc" ,"0x1", 2]')
  })
})
