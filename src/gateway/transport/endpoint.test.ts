import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { upstreamOptions } from '../../../test/fake/gate.ts'
import { endpointOf, headersFor } from './endpoint.ts'

describe('an endpoint', () => {
  it('is origin, path with query, and headers of ours', () => {
    const headers = { 'X-Key': 'k' }
    const {
      origin,
      path,
      headers: sent,
    } = endpointOf(upstreamOptions('a', { url: 'https://h.test:1/v2/key?x=1', headers }))
    assert.deepEqual([origin.host, path, sent], ['h.test:1', '/v2/key?x=1', ['X-Key', 'k']])
  })

  it('turns credentials of the URL into a header, decoded', () => {
    const { headers } = endpointOf(upstreamOptions('a', { url: 'http://us%40er:p%3Aw@h.test/' }))
    assert.deepEqual(headers, ['Authorization', `Basic ${Buffer.from('us@er:p:w').toString('base64')}`])
  })
})

describe('the headers of a request', () => {
  const client = ['Authorization', 'client', 'COOKIE', 'c', 'X-Any', '1', 'X-KEY', 'forged']
  const sent = (more: Parameters<typeof upstreamOptions>[1]) =>
    headersFor(endpointOf(upstreamOptions('a', more)), client)

  it('keep the client’s credentials here', () => {
    assert.deepEqual(sent({}), ['X-Any', '1', 'X-KEY', 'forged'])
  })

  it('pass credentials on where the config says so', () => {
    assert.deepEqual(sent({ passHeaders: ['authorization', 'cookie'] }), client)
  })

  it('let no client overwrite or double a header of ours', () => {
    assert.deepEqual(sent({ headers: { 'X-Key': 'ours' } }), ['X-Any', '1', 'X-Key', 'ours'])
    const both = sent({ url: 'http://u:p@h.test/', passHeaders: ['authorization'] })
    assert.equal(both.filter((name) => name.toLowerCase() === 'authorization').length, 1)
  })
})
