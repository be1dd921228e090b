import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endToEnd, fieldLine, hasToken, headerValue } from './headers.ts'

describe('end-to-end headers', () => {
  it('lose the hop-by-hop ones in any letter case', () => {
    const names = ['Connection', 'KEEP-ALIVE', 'Proxy-Authenticate', 'proxy-authorization', 'Proxy-Connection', 'TE']
    for (const name of [...names, 'Trailer', 'Transfer-Encoding', 'Upgrade']) {
      assert.deepEqual(endToEnd([name, 'x', 'A', '1']), ['A', '1'], name)
    }
  })

  it('lose what any Connection header names', () => {
    const headers = [
      'X-One',
      '1',
      'Connection',
      'x-one, X-Two',
      'X-Two',
      '2',
      'connection',
      ' close ,X-THREE',
      'x-three',
      '3',
    ]
    assert.deepEqual(endToEnd([...headers, 'X-Four', '4']), ['X-Four', '4'])
  })

  it('keep order, spelling and repetition, and lose what the caller drops', () => {
    const headers = ['Set-Cookie', 'a', 'Host', 'h', 'set-cookie', 'b', 'Set-Cookie', 'a']
    assert.deepEqual(endToEnd(headers, new Set(['host'])), ['Set-Cookie', 'a', 'set-cookie', 'b', 'Set-Cookie', 'a'])
  })
})

describe('a header value', () => {
  it('is the first one of that name', () => {
    assert.equal(headerValue(['A', '1', 'X-Request-ID', '2', 'x-request-id', '3'], 'x-request-id'), '2')
    assert.equal(headerValue(['A', '1'], 'b'), undefined)
  })

  it('holds whole tokens only', () => {
    assert.ok(hasToken('Keep-Alive, Upgrade', 'upgrade'))
    assert.ok(!hasToken('Upgrades', 'upgrade'))
  })
})

describe('a field line', () => {
  it('refuses what would break out of it, without quoting the value', () => {
    assert.equal(fieldLine('X-A', 'b c\té'), 'X-A: b c\té\r\n')
    for (const value of ['secret\r\nX: y', 'secret\n', '\0secret', 'secretĊ', 'secret\x7f']) {
      assert.throws(
        () => fieldLine('X-A', value),
        (error: Error) => /X-A/.test(error.message) && !/secret/.test(error.message),
      )
    }
    for (const name of ['', 'X Y', 'X:', 'X\r\n', 'Ä'])
      assert.throws(() => fieldLine(name, 'v'), { code: 'BAD_HEADER' })
  })
})
