import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { changesBetween, type NarratedSnapshot } from './demo-narrator.ts'

const seen = (left: boolean, failoverActive: boolean, reason?: string): NarratedSnapshot => ({
  networks: {
    el: {
      failoverActive,
      upstreams: [
        { name: 'left', eligible: left, reason },
        { name: 'right', eligible: true },
      ],
    },
  },
})

describe('the demo tells what changed', () => {
  it('keeps silent while nothing does', () => {
    assert.deepEqual(changesBetween(seen(true, false), seen(true, false)), [])
  })

  it('names an upstream that is lost, why, and the failover', () => {
    assert.deepEqual(changesBetween(seen(true, false), seen(false, true, 'three probes failed')), [
      'gateway: left takes no calls (three probes failed)',
      'gateway: failover to the backup',
    ])
  })

  it('names an upstream that returned', () => {
    assert.deepEqual(changesBetween(seen(false, true), seen(true, false)), [
      'gateway: left takes calls',
      'gateway: back to the primary',
    ])
  })

  it('says nothing of networks that were not there before', () => {
    assert.deepEqual(changesBetween({ networks: {} }, seen(false, true)), [])
  })
})
