import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rpcCall } from '../../../test/fake/gate.ts'
import type { RestCall } from '../../rpc/call.ts'
import { judgeStatus } from './judge.ts'

function call(label: string): RestCall {
  return {
    ...rpcCall(),
    label,
    name: label,
    verb: 'GET',
    target: '/',
    body: undefined,
    endless: false,
    everyone: false,
  }
}
const block = call('GET /eth/v2/beacon/blocks/{id}')

describe('the status of a Beacon API answer', () => {
  it('is good where it says that it is, and where no rule knows better', () => {
    for (const status of [200, 202, 204, 206, 304, 418]) assert.equal(judgeStatus(block, status), undefined)
  })

  it('has a class for each way to fail', () => {
    const classes: [status: number, errorClass: string][] = [
      [400, 'CLIENT'],
      [404, 'MISS'],
      [301, 'MISS'],
      [307, 'MISS'],
      [405, 'UNSUP'],
      [406, 'UNSUP'],
      [408, 'NODE'],
      [410, 'MISS'],
      [414, 'RANGE'],
      [415, 'UNSUP'],
      [431, 'RANGE'],
      [451, 'MISS'],
      [505, 'NODE'],
      [599, 'NODE'],
      [413, 'RANGE'],
      [429, 'RATE'],
      [500, 'NODE'],
      [501, 'UNSUP'],
      [503, 'SYNC'],
      [522, 'NODE'],
    ]
    for (const [status, errorClass] of classes) assert.equal(judgeStatus(block, status)?.class, errorClass, `${status}`)
  })

  it('that refuses one address does not take its node out of service for all others', () => {
    for (const status of [401, 403]) {
      const verdict = judgeStatus(block, status)
      assert.deepEqual(
        [verdict?.class, verdict?.effect.retry, verdict?.effect.remember],
        ['AUTH', 'elsewhere', 'nothing'],
      )
    }
  })

  it('of its health is the answer, whatever it is, unless something in between gave it', () => {
    const health = call('GET /eth/v1/node/health')
    for (const status of [200, 206, 400, 503]) assert.equal(judgeStatus(health, status), undefined)
    for (const status of [502, 504]) assert.equal(judgeStatus(health, status)?.class, 'NODE')
  })
})
