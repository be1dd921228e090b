import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { methodName } from './method-name.ts'

const nameOf = (json: string) => methodName(Buffer.from(`[${json}]`), 1, Buffer.byteLength(json) + 1)

describe('methodName', () => {
  it('gives the text, the first time and later', () => {
    for (const name of ['eth_call', '', 'größe', 'a"b\\', 'x'.repeat(100)]) {
      assert.equal(nameOf(JSON.stringify(name)), name)
      assert.equal(nameOf(JSON.stringify(name)), name)
    }
  })

  it('keeps names apart that share a slot', () => {
    const names = Array.from({ length: 5000 }, (_, index) => `method_${index}`)
    for (const name of [...names, ...names.toReversed()]) assert.equal(nameOf(`"${name}"`), name)
  })

  it('gives nothing for what is no string', () => {
    for (const json of ['1', 'null', '["eth_call"]', '{}']) assert.equal(nameOf(json), undefined)
  })

  it('does not change with the bytes it was read from', () => {
    const text = Buffer.from('"eth_first"')
    assert.equal(methodName(text, 0, text.length), 'eth_first')
    text.write('"eth_other"')
    assert.equal(methodName(text, 0, text.length), 'eth_other')
    assert.equal(nameOf('"eth_first"'), 'eth_first')
  })
})
