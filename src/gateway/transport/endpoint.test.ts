import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { upstreamOptions } from '../../../test/fake/gate.ts'
import { endpointOf, headersFor } from './endpoint.ts'

const us = 'drawbridge/1.2.3'

describe('an endpoint', () => {
  it('is origin, path with query, and headers of ours', () => {
    const headers = { 'X-Key': 'k' }
    const {
      origin,
      path,
      headers: sent,
    } = endpointOf(upstreamOptions('a', { url: 'https://h.test:1/v2/key?x=1', headers }), us)
    assert.deepEqual([origin.host, path, sent], ['h.test:1', '/v2/key?x=1', ['X-Key', 'k', 'User-Agent', us]])
  })

  it('turns credentials of the URL into a header, decoded', () => {
    const { headers } = endpointOf(upstreamOptions('a', { url: 'http://us%40er:p%3Aw@h.test/' }), us)
    assert.deepEqual(headers.slice(0, 2), ['Authorization', `Basic ${Buffer.from('us@er:p:w').toString('base64')}`])
  })
})

describe('the headers of a request', () => {
  const client = ['Authorization', 'client', 'COOKIE', 'c', 'Accept', '1', 'Eth-X-KEY', 'forged', 'X-Any', '1']
  const sent = (more: Parameters<typeof upstreamOptions>[1]) =>
    headersFor(endpointOf(upstreamOptions('a', more), us), client)

  const agent = ['User-Agent', us]

  it('keep the client’s credentials here, and whatever else no call means anything by', () => {
    assert.deepEqual(sent({}), ['Accept', '1', 'Eth-X-KEY', 'forged', ...agent])
  })

  it('are bounded in number and length, so that no client makes a head that a node refuses', () => {
    const endpoint = endpointOf(upstreamOptions('a'), us)
    const many = Array.from({ length: 110 }, () => ['accept', '*/*']).flat()
    assert.equal(headersFor(endpoint, many).length, 2 * 33)
    assert.deepEqual(headersFor(endpoint, ['tracestate', 'x'.repeat(5000)]), agent)
  })

  it('say who we are, unless the config says otherwise or lets the client', () => {
    assert.deepEqual(sent({ headers: { 'User-Agent': 'me/1' } }).slice(-2), ['User-Agent', 'me/1'])
    assert.ok(!sent({ passHeaders: ['user-agent'] }).includes(us))
  })

  it('pass credentials on where the config says so', () => {
    assert.deepEqual(sent({ passHeaders: ['authorization', 'cookie', 'x-any'] }), [...client, ...agent])
  })

  it('let no client overwrite or double a header of ours', () => {
    assert.deepEqual(sent({ headers: { 'Eth-X-Key': 'ours' } }), ['Accept', '1', 'Eth-X-Key', 'ours', ...agent])
    const both = sent({ url: 'http://u:p@h.test/', passHeaders: ['authorization'] })
    assert.equal(both.filter((name) => name.toLowerCase() === 'authorization').length, 1)
  })
})
