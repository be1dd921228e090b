import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseQuantity, toQuantity } from './hex.ts'

describe('parseQuantity', () => {
  it('reads hex quantities as strings and as raw JSON', () => {
    assert.equal(parseQuantity('0x10d4f'), 68943)
    assert.equal(parseQuantity(Buffer.from('"0x10D4F"')), 68943)
    assert.equal(parseQuantity('0x0'), 0)
    assert.equal(parseQuantity('0x00ff'), 255)
    assert.equal(parseQuantity('0x1fffffffffffff'), Number.MAX_SAFE_INTEGER)
  })

  it('refuses everything else', () => {
    const wrong = [
      '',
      '0x',
      '0xg',
      '10d4f',
      '12',
      '-0x1',
      ' 0x1',
      '0x1 ',
      '0x20000000000000',
      '0x1n',
      `0x${'f'.repeat(64)}`,
    ]
    for (const text of wrong) {
      assert.equal(parseQuantity(text), undefined, text)
      assert.equal(parseQuantity(Buffer.from(`"${text}"`)), undefined, text)
    }
    for (const json of ['0x1', '1', 'null', '["0x1"]', '{}', '"', '', '"0x1']) {
      assert.equal(parseQuantity(Buffer.from(json)), undefined, json)
    }
  })

  it('reads back what toQuantity writes', () => {
    for (const value of [0, 1, 255, 68943, Number.MAX_SAFE_INTEGER])
      assert.equal(parseQuantity(toQuantity(value)), value)
  })
})
