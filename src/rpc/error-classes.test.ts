import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { classify, type Evidence, effects, vendorOf } from './error-classes.ts'
import { errorRules } from './error-patterns.ts'
import { stages } from './error-rule.ts'

function said(message: string, code: number | undefined = -32000, more: Partial<Evidence> = {}): Evidence {
  return { method: 'eth_call', httpStatus: 200, error: { code, message, hasData: false }, ...more }
}

const raw = { method: 'eth_sendRawTransaction' }
const logs = { method: 'eth_getLogs' }

describe('the table of error rules', () => {
  for (const rule of errorRules) {
    it(`reaches "${rule.name}"`, () => {
      const verdict = classify(rule.example)
      assert.equal(verdict.rule, rule.name)
      assert.equal(verdict.class, rule.class)
    })
  }

  it('names each rule once', () => {
    assert.equal(new Set(errorRules.map((rule) => rule.name)).size, errorRules.length)
  })

  it('keeps the order of evidence', () => {
    const order = errorRules.map((rule) => stages.indexOf(rule.stage))
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    )
  })

  it('has a rule for every class but UNKNOWN', () => {
    const used = new Set(errorRules.map((rule) => rule.class))
    assert.deepEqual(
      Object.keys(effects).filter((one) => !used.has(one as keyof typeof effects)),
      ['UNKNOWN'],
    )
  })

  it('lets no word of a text rule be caught by an earlier rule of another class', () => {
    for (const rule of errorRules.filter((one) => one.stage === 'text' && one.and === undefined)) {
      for (const word of rule.text ?? []) {
        if (typeof word !== 'string') continue
        const method = rule.only === undefined ? 'eth_call' : rule.example.method
        const verdict = classify(said(`Oh, ${word}!`, -32000, { method }))
        assert.equal(verdict.class, rule.class, `${rule.name}: ${word} → ${verdict.rule}`)
      }
    }
  })

  it('writes all its words in lower case', () => {
    for (const rule of errorRules) {
      for (const word of [...(rule.text ?? []), ...(rule.and ?? []), ...(rule.not ?? []), ...(rule.data ?? [])]) {
        if (typeof word === 'string') assert.equal(word, word.toLowerCase())
      }
    }
  })
})

describe('classify', () => {
  it('never lets a revert text steer', () => {
    for (const text of [
      'daily limit exceeded',
      'value is too big',
      'block not found',
      'unauthorized',
      'too many requests',
    ]) {
      const data = Buffer.from('"0x08c379a0000000000000000000000000000000000000000000000000000000000000002"')
      assert.equal(classify(said(`execution reverted: ${text}`)).class, 'REVERT')
      assert.equal(classify(said(text, 3)).class, 'REVERT')
      assert.equal(
        classify(said(text, -32000, { error: { code: -32000, message: text, hasData: true, data } })).class,
        'REVERT',
      )
      assert.equal(classify(said(`Reverted: ${text}`, -32005)).class, 'REVERT')
    }
  })

  it('tells range from rate in -32005', () => {
    assert.equal(classify(said('query returned more than 10000 results', -32005, logs)).class, 'RANGE')
    assert.equal(classify(said('logs count limit exceeded (10000)', -32005, logs)).class, 'RANGE')
    assert.equal(classify(said('', -32005)).class, 'RATE')
    assert.equal(classify(said('rate limit exceeded', -32005)).class, 'RATE')
  })

  it('does not go elsewhere when the sequencer limits the sender', () => {
    const verdict = classify(said('sender is over rate limit', -32000, raw))
    assert.deepEqual([verdict.class, verdict.effect.retry], ['RATE', 'no'])
    assert.equal(classify(said('you hit the rate limit', -32000, raw)).effect.retry, 'elsewhere')
  })

  it('believes code 3 to be a revert, but from Alchemy with words of missing data', () => {
    assert.equal(classify(said('missing trie node ab', 3)).class, 'REVERT')
    assert.equal(classify(said('missing trie node ab', 3, { vendor: 'infura' })).class, 'REVERT')
    assert.equal(classify(said('missing trie node ab', 3, { vendor: 'alchemy' })).class, 'MISS')
    assert.equal(classify(said('execution reverted: block not found', 3, { vendor: 'alchemy' })).class, 'REVERT')
    assert.equal(classify(said('daily limit exceeded', 3, { vendor: 'alchemy' })).class, 'REVERT')
  })

  it('applies vendor rules to that vendor only', () => {
    assert.equal(classify(said('x', -32007, { vendor: 'quicknode' })).class, 'RATE')
    assert.equal(classify(said('x', -32007)).class, 'UNKNOWN')
    assert.equal(classify(said('x', -32614, { vendor: 'alchemy' })).class, 'UNKNOWN')
  })

  it('gives nonce and duplicate rules to raw transactions only', () => {
    assert.equal(classify(said('nonce too low: next nonce 2, tx nonce 1', -32003, raw)).class, 'NONCE')
    assert.equal(classify(said('nonce too low')).class, 'TXREJ')
    assert.equal(classify(said('nonce too low', 1)).class, 'TXREJ')
    assert.equal(classify(said('AlreadyKnown', -32010, raw)).class, 'DUP')
    assert.equal(classify(said('ALREADY_EXISTS: already known', -32000, raw)).class, 'DUP')
    assert.notEqual(classify(said('already known', -32000, { method: 'eth_call' })).class, 'DUP')
  })

  it('finds missing data also where the number says transaction rejected', () => {
    assert.equal(classify(said('response too large', -32003, logs)).class, 'RANGE')
    assert.equal(classify(said('some reason', -32003, raw)).class, 'TXREJ')
  })

  it('sends state queries to archives, head queries elsewhere', () => {
    const pruned = classify(said('missing trie node 5f (path )')).effect
    assert.deepEqual([pruned.retry, pruned.remember], ['archive', 'historyBound'])
    assert.equal(classify(said('header not found')).effect.retry, 'elsewhere')
    assert.equal(classify(said('header not found')).effect.remember, 'nothing')
  })

  it('lets the JSON-RPC error decide in HTTP 400 and 500, the status in 401, 402, 403, 429 and gateway failures', () => {
    const at = (httpStatus: number) => classify(said('execution reverted', 3, { httpStatus })).class
    assert.deepEqual([200, 400, 404, 405, 413, 500].map(at), Array(6).fill('REVERT'))
    assert.deepEqual([401, 402, 403, 429, 502, 503, 504, 521, 530].map(at), [
      'AUTH',
      'BILL',
      'AUTH',
      'RATE',
      ...Array(5).fill('NODE'),
    ])
  })

  it('lets the status, the vendor and plain words outvote the numbers of the specification’s groups', () => {
    for (const code of [1, 2, 12, 15, 19, 30, 35, 199, 850, 1100]) {
      assert.equal(classify(said('request timeout, please upgrade your tier', code)).class, 'NODE')
      assert.equal(classify(said('too many requests', code)).class, 'RATE')
      assert.equal(classify(said('invalid api key', code)).class, 'AUTH')
      assert.equal(classify(said('ranges over 10000 blocks are not supported', code, logs)).class, 'RANGE')
      for (const httpStatus of [408, 500]) assert.equal(classify(said('odd', code, { httpStatus })).class, 'NODE')
      assert.match(classify(said('odd', code)).class, /REVERT|TXREJ/)
    }
    for (const code of [12, 15, 19, 30, 35])
      assert.notEqual(classify(said('odd', code, { vendor: 'drpc' })).class, 'REVERT')
    assert.equal(classify(said('too many requests', 3)).class, 'REVERT')
    assert.equal(classify(said('Tx gas limit exceeded', 803)).class, 'TXREJ')
  })

  it('lets what an upstream says of its key, plan, load or methods outvote a code of the call', () => {
    const words: [text: string, errorClass: string][] = [
      ['api key disabled', 'AUTH'],
      ['Unsupported method: eth_call. See available methods', 'UNSUP'],
    ]
    for (const [text, errorClass] of words)
      for (const code of [-32600, -32602]) assert.equal(classify(said(text, code)).class, errorClass, text)
    assert.equal(classify(said('You have exceeded your plan', -32003)).class, 'BILL')
    assert.equal(classify(said('too many requests', -32003)).class, 'RATE')
    assert.equal(classify(said('exceeds block gas limit exceeded', -32003, raw)).class, 'TXREJ')
    for (const [code, errorClass] of [
      [401, 'AUTH'],
      [402, 'BILL'],
      [403, 'AUTH'],
      [408, 'NODE'],
      [500, 'NODE'],
      [504, 'NODE'],
      [522, 'NODE'],
    ] as const)
      assert.equal(classify(said('odd', code)).class, errorClass, `${code}`)
    for (const text of ['too many concurrent requests', 'capacity exceeded'])
      assert.equal(classify(said(text)).class, 'RATE', text)
    for (const text of ['database is locked', 'upstream connect error', 'no backend is currently healthy'])
      assert.equal(classify(said(text)).class, 'NODE', text)
    assert.equal(classify(said('backend is not in sync')).class, 'SYNC')
  })

  it('knows a range that is too much in many words', () => {
    for (const text of [
      'block range 50000 exceeds limit of 10000',
      'range 2001 exceeds limit of 2000',
      'block range too high',
      'requested block range is too big',
      'the range of blocks is greater than the allowed maximum',
      'ranges over 10000 blocks are not supported on freetier',
      'block range exceeds 1000',
      'invalid block range params: range 20000 > 10000',
      'requested too many blocks from 1 to 9000, maximum is set to 2048',
      'logs limit exceeded, max 10000',
    ])
      for (const code of [-32000, -32005, -32602, 35])
        assert.equal(classify(said(text, code, logs)).class, 'RANGE', text)
    assert.equal(classify(said('out of range', -32000)).class, 'UNKNOWN')
  })

  it('blames the upstream when there is no answer', () => {
    for (const httpStatus of [200, 404, 500, 301]) {
      const verdict = classify({ method: 'eth_call', httpStatus, notAnAnswer: true })
      assert.deepEqual([verdict.class, verdict.effect.blamed], ['NODE', true])
    }
    assert.equal(classify({ method: 'eth_call', httpStatus: 200 }).class, 'NODE')
  })

  it('blames nobody but NODE', () => {
    const blamed = Object.entries(effects).filter(([, effect]) => effect.blamed)
    assert.deepEqual(
      blamed.map(([name]) => name),
      ['NODE'],
    )
  })

  it('leaves what no rule knows to be compared', () => {
    for (const evidence of [said('Internal error', -32603), said('', undefined), said('weird', 12345)]) {
      assert.deepEqual(classify(evidence), { class: 'UNKNOWN', rule: 'no rule', effect: effects.UNKNOWN })
    }
  })

  it('cordons nobody for one method outside the plan', () => {
    const verdict = classify(said('archival data is not included in your current plan'))
    assert.deepEqual([verdict.class, verdict.effect.remember], ['BILL', 'unsupportedMethod'])
  })

  it('judges a huge message by its beginning, and soon', () => {
    const endless = `method ${'block not '.repeat(1_000_000)}`
    assert.equal(classify(said(endless)).class, 'UNKNOWN')
  })
})

describe('vendorOf', () => {
  it('knows vendors by the ends of host names', () => {
    assert.equal(vendorOf('eth-mainnet.g.alchemy.com'), 'alchemy')
    assert.equal(vendorOf('Mainnet.Infura.IO:443'), 'infura')
    assert.equal(vendorOf('rpc.ankr.com.'), 'ankr')
    assert.equal(vendorOf('notalchemy.com'), undefined)
    assert.equal(vendorOf('alchemy.com.evil.example'), undefined)
    assert.equal(vendorOf('127.0.0.1:8545'), undefined)
  })
})
