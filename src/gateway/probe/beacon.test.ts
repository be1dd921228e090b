import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { unknownNetwork } from '../../../test/fake/gate.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { UpstreamState } from '../upstream/state.ts'
import { type ProbeAsk, ProbeError, type ProbeFacts, type ProbeResponse, ProbeSchedule } from './ask.ts'
import { beaconProbe } from './beacon.ts'

const paths = {
  health: '/eth/v1/node/health',
  syncing: '/eth/v1/node/syncing',
  head: '/eth/v1/beacon/headers/head',
  spec: '/eth/v1/config/spec',
  genesis: '/eth/v1/beacon/genesis',
  finality: '/eth/v1/beacon/states/head/finality_checkpoints',
}
type Name = keyof typeof paths
const root = `0x${'cd'.repeat(32)}`
const healthy: Record<Name, unknown> = {
  health: {},
  syncing: { is_syncing: false, is_optimistic: false, el_offline: false, sync_distance: '0' },
  head: { root, header: { message: { slot: '1000' } } },
  spec: { SLOTS_PER_EPOCH: '8', DEPOSIT_CHAIN_ID: '17000' },
  genesis: { genesis_validators_root: '0x4b36' },
  finality: { current_justified: { epoch: '123' }, finalized: { epoch: '122' } },
}

/** What stands in the place of good data: a status, a whole body, or other data. */
type Answer = number | Buffer | Error | object | null | undefined

function stage(script: Partial<Record<Name, Answer>> = {}, byChainId = false) {
  const clock = new VirtualClock()
  const [upstream] = unknownNetwork({ upstreams: ['a'] }).upstreams as [UpstreamState]
  const asked: Name[] = []
  const ask: ProbeAsk = async (_, { target }): Promise<ProbeResponse> => {
    const name = (Object.keys(paths) as Name[]).find((one) => paths[one] === target)!
    asked.push(name)
    const answer = name in script ? script[name] : healthy[name]
    if (answer instanceof Error) throw answer
    if (typeof answer === 'number') return { status: answer, headers: [], body: Buffer.from('{}') }
    const body = Buffer.isBuffer(answer) ? answer : Buffer.from(JSON.stringify({ data: answer }) ?? '')
    return { status: 200, headers: [], body }
  }
  const probe = beaconProbe(new ProbeSchedule(clock), byChainId)
  return { upstream, asked, look: () => probe(upstream, ask) }
}

describe('the probe of a beacon node', () => {
  it('reads head slot, genesis and finality, all in slots of the preset that the node has', async () => {
    assert.deepEqual(await stage().look(), {
      head: 1000,
      headHash: root,
      syncing: undefined,
      chain: '0x4b36',
      safe: 984,
      finalized: 976,
    })
  })

  it('goes by the deposit chain when a chain id is configured', async () => {
    const { asked, look } = stage({}, true)
    assert.equal((await look()).chain, '17000')
    assert.ok(!asked.includes('genesis'))
  })

  it('asks for finality only when the head has moved', async () => {
    const { upstream, asked, look } = stage()
    upstream.head = 1000
    await look()
    assert.ok(!asked.includes('finality'))
  })

  it('takes a node for unfit that syncs, is optimistic or has lost its execution client, whatever its health says', async () => {
    const says = async (syncing: object) => (await stage({ syncing }).look()).syncing
    assert.match((await says({ is_syncing: true, sync_distance: '42' }))!, /42 slots/)
    assert.match((await says({ is_syncing: true }))!, /\? slots/)
    assert.match((await says({ is_optimistic: true }))!, /optimistic/)
    assert.match((await says({ el_offline: true }))!, /offline/)
    assert.match((await stage({ health: 206 }).look()).syncing!, /206/)
  })

  it('takes no offence at a node without the optional addresses', async () => {
    const facts = await stage({ syncing: 404, spec: 404, genesis: 404, finality: 404 }).look()
    assert.deepEqual(facts, { head: 1000, headHash: root, syncing: undefined })
  })

  it('fails on any other health, and without a head', async () => {
    for (const status of [500, 503, 404, 400]) await assert.rejects(stage({ health: status }).look(), ProbeError)
    for (const head of [
      404,
      null,
      {},
      { header: null },
      { header: { message: { slot: 1000 } } },
      { header: { message: { slot: '1e3' } } },
    ]) {
      await assert.rejects(stage({ head }).look(), ProbeError, JSON.stringify(head))
    }
  })

  it('gives facts of the right types or a ProbeError, whatever the node answers', async () => {
    const strange = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>('12', { toString: 1, valueOf: 1 }, ['8'], true, '99999999999999999999'),
    )
    const data = fc.oneof(
      fc.constantFrom<Answer>(null, undefined, new ProbeError('no answer')),
      fc.integer({ min: 200, max: 599 }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
      fc.record({
        is_syncing: fc.boolean(),
        sync_distance: strange,
        SLOTS_PER_EPOCH: strange,
        DEPOSIT_CHAIN_ID: strange,
        genesis_validators_root: strange,
        root: strange,
        header: fc.oneof(strange, fc.record({ message: fc.oneof(strange, fc.record({ slot: strange })) })),
        current_justified: fc.oneof(strange, fc.record({ epoch: strange })),
        finalized: fc.oneof(strange, fc.record({ epoch: strange })),
      }),
    )
    const scripts = fc.dictionary(fc.constantFrom(...(Object.keys(paths) as Name[])), data)
    await fc.assert(
      fc.asyncProperty(scripts, fc.boolean(), async (script, byChainId) => {
        let facts: ProbeFacts
        try {
          facts = await stage(script, byChainId).look()
        } catch (error) {
          assert.ok(error instanceof ProbeError, String((error as Error).stack))
          return
        }
        assert.ok(Number.isSafeInteger(facts.head) && facts.head >= 0)
        for (const slot of [facts.safe, facts.finalized])
          assert.ok(slot === undefined || Number.isSafeInteger(slot), `${slot}`)
        for (const text of [facts.chain, facts.headHash, facts.syncing])
          assert.ok(['string', 'undefined'].includes(typeof text))
      }),
      { numRuns: 500 },
    )
  })
})
