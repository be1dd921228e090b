import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatListen, parseListen } from './listen.ts'

describe('parseListen', () => {
  const good: [text: string, host: string, port: number][] = [
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['0.0.0.0:1', '0.0.0.0', 1],
    ['localhost:8080', 'localhost', 8080],
    ['gate.internal:65535', 'gate.internal', 65_535],
    ['[::1]:8080', '::1', 8080],
    ['[::]:0', '::', 0],
  ]
  for (const [text, host, port] of good) {
    it(`reads ${text}, and writes it the same`, () => {
      assert.deepEqual(parseListen(text), { host, port })
      assert.equal(formatListen({ host, port }), text)
    })
  }

  const bad: [text: string, advice: RegExp][] = [
    [':8080', /"127\.0\.0\.1:8080" for this machine only, or "0\.0\.0\.0:8080"/],
    ['*:8080', /"0\.0\.0\.0:8080" for every network interface/],
    ['8080', /"127\.0\.0\.1:8080" for this machine only/],
    ['localhost', /write host:port/],
    ['localhost:', /write host:port/],
    ['localhost:http', /write host:port/],
    ['localhost:65536', /a port from 0 to 65535/],
    ['localhost:-1', /write host:port/],
    ['::1:8080', /in brackets/],
    ['[::1]', /write host:port/],
    ['[localhost]:8080', /write host:port/],
    ['[]:8080', /write host:port/],
    ['256.0.0.1:8080', /write host:port/],
    ['1.2.3:8080', /write host:port/],
    ['http://localhost:8080', /without a scheme/],
    ['a b:8080', /write host:port/],
    ['', /write host:port/],
  ]
  for (const [text, advice] of bad) {
    it(`says what to write instead of "${text}"`, () => {
      const result = parseListen(text)
      assert.match(typeof result === 'string' ? result : JSON.stringify(result), advice)
    })
  }
})
