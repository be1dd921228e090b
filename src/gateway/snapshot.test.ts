import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { unknownNetwork, wellNetwork } from '../../test/fake/gate.ts'
import { VirtualClock } from '../core/virtual-clock.ts'
import { type NetworkStatus, type UpstreamStatus, unreadyBecause } from './control/snapshot.ts'
import { takeSnapshot } from './snapshot.ts'
import type { NetworkState, UpstreamState } from './upstream/state.ts'

const clock = new VirtualClock()

function statusOf(network: NetworkState): NetworkStatus {
  const source = { version: '1', startedAt: '2026-01-01T00:00:00.000Z', draining: false, networks: [network] }
  return takeSnapshot(source, clock).networks['el']!
}

function first(network: NetworkState): UpstreamStatus {
  return statusOf(network).upstreams[0]!
}

describe('the snapshot', () => {
  it('says null for what is not known yet', () => {
    const status = statusOf(unknownNetwork({ upstreams: ['a'] }))
    assert.deepEqual([status.chainId, status.head, status.safe, status.finalized], [null, null, null, null])
    const { head, eligible, reason, latencyMs, lastProbeAt, lastError } = status.upstreams[0]!
    assert.deepEqual(
      { head, eligible, reason, latencyMs, lastProbeAt, lastError },
      {
        head: null,
        eligible: false,
        reason: 'not probed yet',
        latencyMs: { p50: null, p99: null },
        lastProbeAt: null,
        lastError: null,
      },
    )
  })

  it('says what is known', () => {
    const network = wellNetwork({ upstreams: [{ name: 'a', ws: 'ws://a.test' }], chainId: 1 })
    Object.assign(network, { headHash: '0xaa', safe: 90, finalized: 80 })
    Object.assign(network.upstreams[0]!, { lastProbeWall: 0, lastError: 'reset' })
    network.upstreams[0]!.overall.record(10, 0)
    const status = statusOf(network)
    assert.deepEqual([status.chainId, status.head, status.safe], [1, { number: 100, hash: '0xaa' }, 90])
    const { eligible, reason, websocket, lastProbeAt, lastError, latencyMs } = status.upstreams[0]!
    assert.deepEqual(
      [eligible, reason, websocket, lastProbeAt, lastError],
      [true, null, true, '1970-01-01T00:00:00.000Z', 'reset'],
    )
    assert.ok(latencyMs.p50! >= 10 && latencyMs.p50! <= 12)
  })

  it('shows no chain id for a beacon chain that goes by its genesis', () => {
    const network = wellNetwork({ upstreams: ['a'] })
    network.chain = '0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95'
    assert.equal(statusOf(network).chainId, null)
  })

  it('names why an eligible upstream gets fewer calls', () => {
    const because = (more: Partial<UpstreamState>): string | null => {
      const network = wellNetwork({ upstreams: ['a'] })
      Object.assign(network.upstreams[0]!, more)
      return first(network).reason
    }
    assert.match(because({ suspect: true })!, /says nothing/)
    assert.match(because({ pausedUntil: clock.now() + 1 })!, /slow down/)
    const network = wellNetwork({ upstreams: ['a'] })
    network.upstreams[0]!.breaker.phase = 'open'
    assert.match(first(network).reason!, /breaker/)
  })

  it('shows no secret of any upstream', () => {
    const url = 'https://user:S3cretPassw0rd@rpc.test/v2/S3cretPathKey123?apikey=S3cretQueryKey'
    const network = wellNetwork({
      upstreams: [{ name: 'a', url, ws: url.replace('https', 'wss'), headers: { 'X-Key': 'S3cretHeaderKey' } }],
    })
    const text = JSON.stringify(statusOf(network))
    assert.doesNotMatch(text, /S3cret/)
    assert.match(text, /rpc\.test/)
  })

  it('can be turned into JSON and back without loss', () => {
    const status = statusOf(wellNetwork({ upstreams: ['a', 'b'] }))
    assert.deepEqual(JSON.parse(JSON.stringify(status)), status)
  })
})

describe('a gateway that is not ready', () => {
  const snapshot = (network: NetworkState, draining = false) =>
    takeSnapshot({ version: '1', startedAt: '', draining, networks: [network] }, clock)

  it('says why, for each network without an eligible upstream', () => {
    assert.deepEqual(unreadyBecause(snapshot(wellNetwork({ upstreams: ['a', 'b'] }))), [])
    assert.deepEqual(unreadyBecause(snapshot(unknownNetwork({ upstreams: ['a', 'b'] }))), [
      'network el has no eligible upstream (a: not probed yet; b: not probed yet)',
    ])
  })

  it('is one that shuts down', () => {
    assert.equal(unreadyBecause(snapshot(wellNetwork({ upstreams: ['a'] }), true)).length, 1)
  })
})
