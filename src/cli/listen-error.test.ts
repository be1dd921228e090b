import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { exitCodeOf } from './failure.ts'
import { explainListenError } from './listen-error.ts'

describe('explainListenError', () => {
  const listen = { host: '127.0.0.1', port: 80 }
  const refusal = (code: string): Error => Object.assign(new Error(`listen ${code}`), { code })

  for (const code of ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND']) {
    it(`makes a sentence of ${code}, also when it is the cause of another error`, () => {
      for (const error of [refusal(code), new Error('cannot start', { cause: refusal(code) })]) {
        const explained = explainListenError(error, listen)
        assert.equal(exitCodeOf(explained), 2)
        assert.match(String(explained), /127\.0\.0\.1:80 /)
      }
    })
  }

  it('hands back any other error', () => {
    const error = refusal('EMFILE')
    assert.equal(explainListenError(error, listen), error)
    assert.equal(exitCodeOf(error), 1)
  })
})
