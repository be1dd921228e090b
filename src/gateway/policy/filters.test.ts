import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badAnswer, goodAnswer, refusalReason, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { Outcome, RpcCall } from '../../rpc/call.ts'
import type { UpstreamState } from '../upstream/state.ts'
import { filters } from './filters.ts'

function stage() {
  const clock = new VirtualClock()
  const network = wellNetwork({ upstreams: ['a', 'b'] })
  const sent: { upstream: string; method: string; params: string }[] = []
  const script = { create: goodAnswer('b', '"0x1"'), use: (at: UpstreamState): Outcome => goodAnswer(at.name, '[]') }
  const pool = {
    attemptAt: async (call: RpcCall, upstream: UpstreamState) => {
      sent.push({ upstream: upstream.name, method: call.name, params: String(call.params) })
      return script.use(upstream)
    },
  }
  const handler = filters(network, pool, { clock, random: seededRandom(3) })(() => script.create)
  const createFor = async (client: string): Promise<string> => {
    const { answer } = await handler(rpcCall('eth_newBlockFilter', '[]', { client }))
    assert.ok(answer.kind === 'result')
    return JSON.parse(answer.value.toString()) as string
  }
  const create = () => createFor('192.0.2.9')
  const use = async (id: string, method = 'eth_getFilterChanges') => handler(rpcCall(method, JSON.stringify([id])))
  return { clock, network, script, sent, handler, create, createFor, use }
}

describe('a filter', () => {
  it('gets an id of ours, and what uses it goes to its upstream under the upstream’s own id', async () => {
    const { create, use, sent } = stage()
    const id = await create()
    assert.match(id, /^0x1[0-9a-f]{30}$/)
    assert.equal((await use(id)).upstream, 'b')
    assert.equal((await use(id.toUpperCase().replace('0X', '0x'))).upstream, 'b')
    assert.deepEqual(sent[0], { upstream: 'b', method: 'eth_getFilterChanges', params: '["0x1"]' })
  })

  it('is not confused with one of another upstream that has the same id', async () => {
    const { create, use, script, sent } = stage()
    const atB = await create()
    script.create = goodAnswer('a', '"0x1"')
    const atA = await create()
    assert.notEqual(atA, atB)
    await use(atA)
    await use(atB)
    assert.deepEqual(
      sent.map(({ upstream }) => upstream),
      ['a', 'b'],
    )
  })

  it('that nobody made is unknown, and so is one whose upstream is out or has failed', async () => {
    const { create, use, network, script, handler } = stage()
    assert.equal(refusalReason(await use('0x1')), 'filterGone')
    assert.equal(refusalReason(await handler(rpcCall('eth_getFilterChanges', '[7]'))), 'filterGone')
    assert.equal(refusalReason(await handler(rpcCall('eth_getFilterChanges'))), 'filterGone')
    const id = await create()
    script.use = (at) => badAnswer(at.name, 'NODE')
    assert.equal(refusalReason(await use(id)), 'filterGone')
    script.use = (at) => badAnswer(at.name, 'RANGE')
    assert.equal((await use(id)).verdict?.class, 'RANGE', 'what the node says of it is passed on')
    network.upstreams[1]!.eligible = false
    assert.equal(refusalReason(await use(id)), 'filterGone')
  })

  it('is gone once it is uninstalled', async () => {
    const { create, use, sent } = stage()
    const id = await create()
    await use(id, 'eth_uninstallFilter')
    assert.equal(sent[0]?.method, 'eth_uninstallFilter')
    assert.equal(refusalReason(await use(id)), 'filterGone')
  })

  it('is forgotten after five idle minutes, when another is made, and not while it is used', async () => {
    const { clock, create, use } = stage()
    const [idle, used] = [await create(), await create()]
    clock.advance(200_000)
    await use(used)
    clock.advance(200_000)
    await create()
    assert.equal(refusalReason(await use(idle)), 'filterGone')
    assert.equal(refusalReason(await use(used)), undefined)
  })

  it('takes the place of the longest unused of its client when that one has 256', async () => {
    const { create, use } = stage()
    const [first, second] = [await create(), await create()]
    for (let n = 2; n < 256; n++) await create()
    await use(first)
    await create()
    assert.equal(refusalReason(await use(second)), 'filterGone')
    assert.equal(refusalReason(await use(first)), undefined)
  })

  it('that was not made is no filter: errors and odd ids pass through', async () => {
    const { handler, script } = stage()
    for (const outcome of [
      badAnswer('b', 'UNSUP'),
      goodAnswer('b', 'null'),
      goodAnswer('b', '"a\\"b"'),
      goodAnswer('?'),
      goodAnswer('b', `"0x${'1'.repeat(200_000)}"`),
    ]) {
      script.create = outcome
      assert.equal(await handler(rpcCall('eth_newFilter', '[{}]')), outcome)
    }
  })

  it('has no part in any other call', () => {
    const { handler, script } = stage()
    assert.equal(handler(rpcCall('eth_getLogs', '[{}]')), script.create)
  })

  it('of many clients takes the place of one of whoever has most, when there are ten thousand', async () => {
    const { createFor, use } = stage()
    const mine = await createFor('192.0.2.1')
    const [first, second] = [await createFor('192.0.2.2'), await createFor('192.0.2.2')]
    for (let made = 2; made < 256; made++) await createFor('192.0.2.2')
    for (let made = 0; made < 9743; made++) await createFor(`2001:db8::${Math.floor(made / 255).toString(16)}`)
    assert.equal(refusalReason(await use(first)), undefined)
    await createFor('192.0.2.3')
    assert.equal(refusalReason(await use(mine)), undefined)
    assert.equal(refusalReason(await use(first)), undefined)
    assert.equal(refusalReason(await use(second)), 'filterGone', 'the longest unused of it goes')
  })

  it('of one client makes room for its own next one, and for nobody else', async () => {
    const { createFor, use } = stage()
    const mine = await createFor('192.0.2.1')
    const first = await createFor('192.0.2.2')
    for (let made = 0; made < 256; made++) await createFor('192.0.2.2')
    assert.equal(refusalReason(await use(mine)), undefined)
    assert.equal(refusalReason(await use(first)), 'filterGone')
  })
})
