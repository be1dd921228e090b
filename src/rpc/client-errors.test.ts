import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ClientErrorReason, clientErrors, properError } from './client-errors.ts'

const reasons = Object.keys(clientErrors) as ClientErrorReason[]

describe('clientErrors', () => {
  it('names each class once', () => {
    assert.equal(new Set(reasons.map((reason) => clientErrors[reason].class)).size, reasons.length)
  })

  it('uses only the statuses that we promise', () => {
    for (const reason of reasons) {
      assert.ok([200, 400, 403, 405, 408, 413, 415, 429, 501, 503, 504].includes(clientErrors[reason].status), reason)
    }
  })

  it('uses codes of JSON-RPC itself or of its server range', () => {
    for (const reason of reasons) {
      const { code } = clientErrors[reason]
      assert.ok([-32700, -32600, -32601, -32602, -32603].includes(code) || (code <= -32000 && code >= -32099), reason)
    }
  })

  it('speaks in sentences', () => {
    for (const reason of reasons.filter((one) => one !== 'filterGone')) {
      assert.match(clientErrors[reason].message, /^[A-Z].*\.$/)
      assert.match(clientErrors[reason].nextStep, /^[A-Z].*\.$/)
    }
  })
})

describe('the error of an upstream', () => {
  it('leaves as it came, byte for byte', () => {
    for (const text of ['{"data":"0x","code":3}', '{"code":1,"message":"m" }', '{ }', '{"\\u0064ata":{}}']) {
      assert.equal(`${properError(Buffer.from(text))}`, text)
    }
  })

  it('becomes an object when it is a bare string', () => {
    assert.deepEqual(JSON.parse(`${properError(Buffer.from('"no route"'))}`), { code: -32603, message: 'no route' })
  })
})
