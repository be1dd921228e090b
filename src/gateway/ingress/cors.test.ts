import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeExchange } from '../../../test/fake/exchange.ts'
import { headerValue } from '../../http/headers.ts'
import { Cors } from './cors.ts'

const page = 'https://app.test'
const from = (origin?: string) => new FakeExchange({ headers: origin === undefined ? [] : ['Origin', origin] })
const preflight = (origin: string, method = 'OPTIONS') =>
  new FakeExchange({
    method,
    headers: ['Origin', origin, 'Access-Control-Request-Method', 'POST', 'Access-Control-Request-Headers', 'X-A'],
  })

describe('cross-origin rules', () => {
  it('are silent without configured origins', () => {
    assert.deepEqual(new Cors({ origins: [] }).headersFor(from(page)), [])
  })

  it('name the very origin that may read, and tell caches that the answer differs by origin', () => {
    const cors = new Cors({ origins: [page] })
    const headers = cors.headersFor(from(page))
    assert.equal(headerValue(headers, 'access-control-allow-origin'), page)
    assert.equal(headerValue(headers, 'vary'), 'Origin')
    for (const other of ['https://evil.test', `${page}.evil.test`, 'HTTPS://APP.TEST', 'null', undefined]) {
      assert.deepEqual(cors.headersFor(from(other)), ['Vary', 'Origin'], other)
    }
  })

  it('allow every page with *, without sending its name', () => {
    const headers = new Cors({ origins: ['*'] }).headersFor(from('https://any.test'))
    assert.equal(headerValue(headers, 'access-control-allow-origin'), '*')
    assert.equal(headerValue(headers, 'vary'), undefined)
  })

  it('never allow credentials', () => {
    for (const origins of [['*'], [page]]) {
      assert.equal(
        headerValue(new Cors({ origins }).headersFor(from(page)), 'access-control-allow-credentials'),
        undefined,
      )
    }
  })

  it('answer a preflight with what was asked for', () => {
    const exchange = preflight(page)
    assert.equal(new Cors({ origins: [page] }).answersPreflight(exchange), true)
    assert.deepEqual(
      [exchange.status, exchange.answerHeader('access-control-allow-headers'), exchange.text],
      [204, 'X-A', ''],
    )
    assert.match(exchange.answerHeader('access-control-allow-methods')!, /POST/)
  })

  it('refuse the preflight of any other origin, with the place to change that', () => {
    for (const origins of [[], ['https://other.test']]) {
      const exchange = preflight(page)
      assert.equal(new Cors({ origins }).answersPreflight(exchange), true)
      assert.equal(exchange.status, 403)
      assert.match(exchange.text, /cors\.origins/)
      assert.equal(exchange.answerHeader('access-control-allow-origin'), undefined)
    }
  })

  it('leave requests alone that are no preflight', () => {
    const cors = new Cors({ origins: ['*'] })
    assert.equal(cors.answersPreflight(preflight(page, 'POST')), false)
    assert.equal(cors.answersPreflight(new FakeExchange({ method: 'OPTIONS' })), false)
  })
})
