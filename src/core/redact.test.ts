import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { redactSecrets, redactText, redactUrl } from './redact.ts'

const key = '9aF3kQ0c7d1e4b52a8f6'

describe('redactUrl', () => {
  const cases: [url: string, shown: string][] = [
    ['http://10.0.0.1:8545', 'http://10.0.0.1:8545'],
    ['http://10.0.0.1:8545/', 'http://10.0.0.1:8545/'],
    ['https://user:pw@rpc.example/', 'https://***@rpc.example/'],
    ['https://key:@rpc.example/', 'https://***@rpc.example/'],
    [`https://rpc.example/v2/${key}`, 'https://rpc.example/v2/***'],
    ['https://rpc.example/ext/bc/C/rpc', 'https://rpc.example/ext/bc/C/rpc'],
    ['https://rpc.example/evm/11155111', 'https://rpc.example/evm/11155111'],
    ['https://rpc.example/eth/v1/node/health', 'https://rpc.example/eth/v1/node/health'],
    ['wss://rpc.example/ws/aBcDeFgH', 'wss://rpc.example/ws/***'],
    ['https://rpc.example/?apikey=x&chain=1', 'https://rpc.example/?apikey=***&chain=***'],
    [`https://rpc.example/?${key}`, 'https://rpc.example/?***'],
    [`https://rpc.example/#${key}`, 'https://rpc.example/#***'],
    [`https://${key}.rpc.example/`, 'https://***.rpc.example/'],
    ['http://[::1]:8545/', 'http://[::1]:8545/'],
    ['http:\\\\user:pw@h\\path', 'http:\\\\***@h\\path'],
    ['http://user:p/w@host:8545/', 'http://***@host:8545/'],
    ['user:pw@host:8545', '***@host:8545'],
    ['localhost:8545', 'localhost:8545'],
    ['', ''],
  ]
  for (const [url, shown] of cases) {
    it(`shows ${url || 'nothing'} as ${shown || 'nothing'}`, () => assert.equal(redactUrl(url), shown))
  }

  it('never shows a key, wherever it stands behind the scheme', () => {
    const places = (secret: string): string[] => [
      `https://${secret}@h/`,
      `https://u:${secret}@h:1/x`,
      `https://h/v3/${secret}`,
      `https://h/${secret}/x?y=1#z`,
      `https://h/?k=${secret}`,
      `https://h/?a=1&${secret}`,
      `https://h/#${secret}`,
    ]
    const secrets = fc.stringMatching(/^[0-9a-f]{8}[A-Za-z0-9_-]{8,40}$/)
    fc.assert(
      fc.property(secrets, fc.nat({ max: 6 }), (secret, at) => {
        fc.pre(/\d/.test(secret) && /[a-z]/.test(secret))
        return !redactUrl(places(secret)[at]!).includes(secret)
      }),
    )
  })

  it('takes any text without failing', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof redactUrl(text) === 'string'))
  })
})

describe('redactText', () => {
  it('hides the secrets of every URL in a sentence', () => {
    const text = `connect to https://u:pw@h/v2/${key} failed, then "wss://h/?token=abc"`
    assert.equal(redactText(text), 'connect to https://***@h/v2/*** failed, then "wss://h/?token=***"')
  })

  it('hides credentials behind Bearer and Basic', () => {
    assert.equal(redactText('authorization: Bearer abc.def, Basic dTpw'), 'authorization: Bearer ***, Basic ***')
  })
})

describe('redactSecrets', () => {
  it('hides a secret in each of its written forms', () => {
    const secret = 'a"b c+d/1'
    for (const form of [secret, JSON.stringify(secret), encodeURIComponent(secret)]) {
      assert.ok(!redactSecrets(`x ${form} y`, [secret]).includes('b c+d'), form)
      assert.match(redactSecrets(`x ${form} y`, [secret]), /\*\*\*/)
    }
  })

  it('hides the longer of two secrets first', () => {
    assert.equal(redactSecrets('secret-longer', ['secret', 'secret-longer']), '***')
  })

  it('leaves short words alone, which would make holes in a log line', () => {
    assert.equal(redactSecrets('{"ok":true}', ['true', '']), '{"ok":true}')
  })

  it('takes the signs of regular expressions as they are', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6 }), (secret) => {
        const redacted = redactSecrets(`<${secret}>`, [secret])
        return redacted === '<***>' || redacted.split('***').join('').length < secret.length + 2
      }),
    )
  })
})
