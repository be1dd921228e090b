import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { settled, unknownNetwork } from '../../../test/fake/gate.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { NetworkState, UpstreamState } from '../upstream/state.ts'
import { ProbeError, type ProbeFacts } from './ask.ts'
import { Watch } from './watch.ts'

type Script = Record<string, ProbeFacts | 'hangs' | 'fails'>

function stage(script: Script, chainId?: number) {
  const clock = new VirtualClock()
  const network = unknownNetwork({ upstreams: Object.keys(script), ...(chainId === undefined ? {} : { chainId }) })
  const events: string[] = []
  const watch = new Watch({
    network,
    intervalMs: 1000,
    clock,
    random: seededRandom(9),
    ask: () => assert.fail('this probe asks nothing'),
    probe: async ({ name }) => {
      const answer = script[name]!
      if (answer === 'hangs') return new Promise(() => {})
      if (answer === 'fails') throw new ProbeError('connection refused')
      return answer
    },
    observer: {
      probed: () => {},
      changed: (change) =>
        events.push(
          change.kind === 'failover' || change.kind === 'head' ? change.kind : `${change.upstream.name} ${change.kind}`,
        ),
      reorged: ({ name }, from, to) => events.push(`${name} ${from}→${to}`),
    },
  })
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 20) {
      await settled()
      clock.advance(Math.min(20, left))
    }
    await settled()
  }
  const upstream = (name: string): UpstreamState => network.upstreams.find((one) => one.name === name)!
  return { clock, network: network as NetworkState, script, events, watch, pass, upstream }
}

const at = (head: number, chain = '1', more: Partial<ProbeFacts> = {}): ProbeFacts => ({
  head,
  chain,
  syncing: undefined,
  ...more,
})

describe('the watch over a network', () => {
  it('opens when everyone was probed once, and announces who is in service and who is not', async () => {
    const { watch, events, pass } = stage({ a: at(100), b: 'fails' })
    watch.start()
    assert.equal(watch.isOpen, false)
    await pass(20)
    assert.equal(watch.isOpen, true)
    assert.deepEqual(events, ['a returned', 'b lost'])
  })

  it('opens a moment after the first upstream is known to be well, when others hang', async () => {
    const { watch, pass, upstream } = stage({ a: 'hangs', b: at(100) })
    watch.start()
    await pass(80)
    assert.equal(watch.isOpen, false)
    await pass(60)
    assert.equal(watch.isOpen, true)
    assert.deepEqual([upstream('a').eligible, upstream('b').eligible], [false, true])
  })

  it('does not open early for one that says it is not fit', async () => {
    const { watch, pass } = stage({ a: 'hangs', b: at(100, '1', { syncing: 'syncing' }) })
    watch.start()
    await pass(5000)
    assert.equal(watch.isOpen, false)
  })

  it('learns the chain from most upstreams, the first of the config in a tie, and keeps the others out', async () => {
    const majority = stage({ a: at(9, '5'), b: at(9, '1'), c: at(9, '1') })
    majority.watch.start()
    await majority.pass(20)
    assert.equal(majority.network.chain, '1')
    assert.equal(majority.upstream('a').out?.why, 'wrongChain')
    const tie = stage({ a: at(9, '5'), b: at(9, '1') })
    tie.watch.start()
    await tie.pass(20)
    assert.equal(tie.network.chain, '5')
    const configured = stage({ a: at(9, '5'), b: at(9, '5'), c: at(9, '1') }, 1)
    configured.watch.start()
    await configured.pass(20)
    assert.deepEqual([configured.network.chain, configured.upstream('c').eligible], ['1', true])
  })

  it('learns the chain later when nobody could tell it at first', async () => {
    const { watch, network, script, pass } = stage({ a: 'fails' })
    watch.start()
    await pass(20)
    assert.deepEqual([watch.isOpen, network.chain], [true, undefined])
    script['a'] = at(7, '10')
    await pass(1200)
    assert.equal(network.chain, '10')
  })

  it('follows head, hash, safe and finalized, and keeps what a probe did not ask for', async () => {
    const { watch, script, upstream, pass } = stage({ a: at(100, '1', { headHash: '0xaa', safe: 90, finalized: 80 }) })
    watch.start()
    await pass(20)
    script['a'] = { head: 101, syncing: undefined }
    await pass(1200)
    const { head, headHash, safe, finalized, chain } = upstream('a')
    assert.deepEqual(
      { head, headHash, safe, finalized, chain },
      { head: 101, headHash: '0xaa', safe: 90, finalized: 80, chain: '1' },
    )
  })

  it('tells of a head that goes back', async () => {
    const { watch, script, events, pass } = stage({ a: at(100) })
    watch.start()
    await pass(20)
    script['a'] = at(98)
    await pass(1200)
    assert.ok(events.includes('a 100→98'), `${events}`)
  })

  it('asks again for methods that were missing when an upstream comes back: it may be another version', async () => {
    const { watch, script, upstream, events, pass } = stage({ a: at(100) })
    watch.start()
    await pass(20)
    upstream('a').unsupported.add('trace_block')
    await pass(1200)
    assert.equal(upstream('a').unsupported.size, 1)
    script['a'] = 'fails'
    await pass(3500)
    script['a'] = at(100)
    await pass(1200)
    assert.deepEqual(events, ['a returned', 'a lost', 'a returned'])
    assert.equal(upstream('a').unsupported.size, 0)
  })

  it('notes when it last looked', async () => {
    const { clock, watch, upstream, pass } = stage({ a: 'fails' })
    watch.start()
    await pass(20)
    assert.ok(upstream('a').lastProbeWall! <= clock.wall())
    assert.equal(upstream('a').lastError, 'connection refused')
  })
})
