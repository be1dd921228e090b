import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { loadExecutionApisVectors } from '../../test/vectors/execution-apis.ts'
import { transactionHash } from './transaction-hash.ts'

const sent = loadExecutionApisVectors()
  .filter(({ name }) => /^eth_sendRawTransaction\/|^debug_getRawTransaction\/get-tx$/.test(name))
  .flatMap(({ name, exchanges }) => {
    const { params } = JSON.parse(exchanges[0]!.request) as { params: [string] }
    const { result } = JSON.parse(exchanges[0]!.response) as { result: string }
    const [raw, hash] = name.startsWith('debug') ? [result, params[0]] : [params[0], result]
    return [{ name, raw, hash }]
  })

describe('the hash of a raw transaction', () => {
  it('is tried on every kind of transaction that the specification shows', () => {
    const types = sent.map(({ raw }) => (raw.startsWith('0xf') ? 'legacy' : raw.slice(0, 4)))
    assert.deepEqual([...new Set(types)].sort(), ['0x01', '0x02', '0x03', 'legacy'])
  })

  for (const { name, raw, hash } of sent) {
    it(`is what the node answered in ${name}`, () => assert.equal(transactionHash(raw), hash))
  }

  it('is the same for a blob transaction without its blobs, as it stands in a block', () => {
    const { raw, hash } = sent.find(({ name }) => name.endsWith('send-blob-tx'))!
    const bytes = Buffer.from(raw.slice(2), 'hex')
    // 03 fa LLLLLL f8/f9 …: the inner list is the transaction itself.
    const start = 5
    const size = bytes[start] === 0xf9 ? 3 + bytes.readUInt16BE(start + 1) : 2 + bytes[start + 1]!
    const bare = `0x03${bytes.toString('hex', start, start + size)}`
    assert.equal(transactionHash(bare), hash)
  })

  it('does not depend on the case of the hex', () => {
    const { raw, hash } = sent[0]!
    assert.equal(transactionHash(`0x${raw.slice(2).toUpperCase()}`), hash)
  })

  it('is nothing for what is no hex', () => {
    for (const text of ['', '0x', '0x0', 'f86c', '0xzz', '0x00 ', 'hello'])
      assert.equal(transactionHash(text), undefined, text)
  })

  it('takes any bytes, cut and malformed blob transactions too', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('', '03', '03c0', '03f8', '03fa', '03ff'),
        fc.uint8Array({ minLength: 1 }),
        (head, bytes) => {
          assert.match(transactionHash(`0x${head}${Buffer.from(bytes).toString('hex')}`)!, /^0x[0-9a-f]{64}$/)
        },
      ),
    )
  })
})
