import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { batchBody, errorBody, errorObject, requestBody, resultBody, resultEnd, resultStart } from './envelope.ts'

const bytes = (text: string) => Buffer.from(text)

describe('envelope', () => {
  it('writes calls for upstreams', () => {
    assert.equal(`${requestBody(7, 'eth_chainId', undefined)}`, '{"jsonrpc":"2.0","id":7,"method":"eth_chainId"}')
    assert.equal(`${requestBody(1, 'm', bytes('[1]'))}`, '{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}')
    assert.equal(`${requestBody(1, '"ö\n', bytes('{}'))}`, '{"jsonrpc":"2.0","id":1,"method":"\\"ö\\n","params":{}}')
  })

  it('writes answers with the id byte for byte', () => {
    const id = bytes('"\\u0041 é"')
    assert.equal(`${resultBody(id, bytes('{"a": 1}'))}`, '{"jsonrpc":"2.0","id":"\\u0041 é","result":{"a": 1}}')
    assert.equal(`${errorBody(id, bytes('{}'))}`, '{"jsonrpc":"2.0","id":"\\u0041 é","error":{}}')
    assert.equal(`${errorBody(undefined, bytes('{}'))}`, '{"jsonrpc":"2.0","id":null,"error":{}}')
  })

  it('writes a streamed answer like a whole one', () => {
    const whole = Buffer.concat([resultStart(bytes('7')), bytes('[]'), resultEnd])
    assert.deepEqual(whole, resultBody(bytes('7'), bytes('[]')))
  })

  it('writes error objects', () => {
    assert.equal(`${errorObject(-32603, 'No "luck"')}`, '{"code":-32603,"message":"No \\"luck\\""}')
    assert.equal(`${errorObject(1, 'x', { class: 'y' })}`, '{"code":1,"message":"x","data":{"class":"y"}}')
  })

  it('writes batches', () => {
    assert.equal(`${batchBody([])}`, '[]')
    assert.equal(`${batchBody([bytes('{"a":1}')])}`, '[{"a":1}]')
    assert.equal(`${batchBody([bytes('{}'), bytes('1'), bytes('{"é":2}')])}`, '[{},1,{"é":2}]')
  })
})
