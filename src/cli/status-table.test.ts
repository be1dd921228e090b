import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { statusTable } from './status-table.ts'

const upstream = {
  name: 'geth-1',
  url: 'http://10.0.0.1:8545',
  tier: 'primary',
  eligible: true,
  reason: null,
  head: 21_000_000,
  lag: 0,
  latencyMs: { p50: 3.21, p99: 41.7 },
  errorRatio: 0.0123,
  inFlight: 4,
}
const network = { kind: 'evm', chainId: 1, head: { number: 21_000_000, hash: '0x' }, failoverActive: false }
const snapshot = (upstreams: unknown[], more = {}): unknown => ({
  version: '1.2.3',
  networks: { el: { ...network, upstreams, ...more } },
})

describe('statusTable', () => {
  it('prints one row per upstream in columns that stand under each other', () => {
    const backup = { ...upstream, name: 'b', tier: 'backup', eligible: false, reason: 'lags by 12 blocks', lag: 12 }
    assert.deepEqual(statusTable(snapshot([upstream, backup])).split('\n'), [
      'drawbridge 1.2.3',
      '',
      'el: evm, chain 1, head 21000000',
      '  upstream  tier     state              head      lag  p50     p99    errors  in flight',
      '  geth-1    primary  eligible           21000000  0    3.2 ms  42 ms  1.2 %   4',
      '  b         backup   lags by 12 blocks  21000000  12   3.2 ms  42 ms  1.2 %   4',
      '',
    ])
  })

  it('takes a head that is an object, says why an eligible upstream gets fewer calls, and when backups serve', () => {
    const other = { ...upstream, head: { number: 77, hash: '0x' }, reason: 'it asked us to slow down' }
    const text = statusTable(snapshot([other], { failoverActive: true }))
    assert.match(text, /eligible \(it asked us to slow down\) {2}77 {4}0/)
    assert.match(text, /head 21000000, failover active/)
  })

  it('shows a dash for everything that is not there', () => {
    assert.match(statusTable(snapshot([{}])), / {2}- {9}- {5}not eligible {2}- {5}- {4}- {4}- {4}- {7}-\n/)
    for (const odd of [undefined, null, 5, 'x', [], {}, { networks: [] }, { networks: { el: null } }]) {
      assert.match(statusTable(odd), /^drawbridge -\n/)
    }
  })

  it('lets no control character through to the terminal', () => {
    const text = statusTable(snapshot([{ ...upstream, name: '\u001b[2J\u0007', reason: 'a\nb', eligible: false }]))
    assert.ok(text.includes('?[2J?') && text.includes('a?b'))
  })
})
