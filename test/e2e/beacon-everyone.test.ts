import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FakeBeaconNode } from '../fake/beacon-node.ts'
import { until } from '../fake/until.ts'
import { clStage, type Gate, type HttpAnswer, untilEligible } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const routes = [
  '/eth/v1/validator/prepare_beacon_proposer',
  '/eth/v1/validator/register_validator',
  '/eth/v1/validator/beacon_committee_subscriptions',
  '/eth/v1/validator/sync_committee_subscriptions',
]
const [prepare, register] = routes as [string, string]

const tell = (gate: Gate, path: string, body: string): Promise<HttpAnswer> =>
  gate.send(path, { method: 'POST', headers: ['content-type', 'application/json'], body })
const bodies = (node: FakeBeaconNode, path: string): string[] =>
  node.requestsOf(path).map(({ body }) => body.toString())
const recipient = (index: number, address: string): string =>
  JSON.stringify([{ validator_index: String(index), fee_recipient: address }])

describe('what every node must know', { concurrency: 4 }, () => {
  for (const path of routes) {
    it(`is told to every node: ${path}`, async (t) => {
      const { gate, nodes } = await clStage(t, 3, quiet)
      const answer = await tell(gate, path, recipient(1, '0xa'))
      assert.equal(answer.status, 200)
      await until(() => nodes.every((node) => bodies(node, path).length === 1))
      for (const node of nodes) assert.deepEqual(bodies(node, path), [recipient(1, '0xa')])
    })
  }

  for (const spelled of [`${prepare}/`, `${prepare}?epoch=1`, prepare.replace('/v1/', '/v1//'), `/cl/${prepare}/?`]) {
    it(`is told to every node, word for word as it was spelled: ${spelled}`, async (t) => {
      const { gate, nodes } = await clStage(t, 3, quiet)
      const sent = spelled.replace('/cl', '')
      const told = (node: FakeBeaconNode): string[] =>
        node.requests.map(({ target }) => target).filter((target) => target === sent)
      assert.equal((await tell(gate, spelled, recipient(1, '0xa'))).status, 200)
      await until(() => nodes.every((node) => told(node).length === 1))
    })
  }

  it('is a success for the client when one node has taken it, and what one says when none has', async (t) => {
    const { gate, nodes } = await clStage(t, 3, quiet)
    nodes[0]!.answer(prepare, { code: 500 }, 500)
    await nodes[1]!.refuse()
    const answer = await tell(gate, prepare, recipient(1, '0xa'))
    assert.deepEqual([answer.status, answer.header('x-drawbridge-upstream')], [200, 'c'])
    nodes[2]!.answer(prepare, '{"code":400,"message":"no"}', 400)
    const refused = await tell(gate, prepare, recipient(1, '0xa'))
    assert.deepEqual([refused.status, refused.text], [400, '{"code":400,"message":"no"}'])
  })

  it('does not wait for a node that hangs', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    nodes[0]!.hang()
    assert.equal((await tell(gate, prepare, recipient(1, '0xa'))).header('x-drawbridge-upstream'), 'b')
  })

  it('is told again to a node that comes back, the last word of each client', async (t) => {
    const { gate, nodes } = await clStage(t, 2, { probe: { maxFailures: 1 } })
    await tell(gate, prepare, recipient(1, '0xa'))
    await nodes[1]!.refuse()
    await untilEligible(gate, 'b', false)
    await tell(gate, prepare, recipient(1, '0xb'))
    await tell(gate, prepare, recipient(2, '0xc'))
    await tell(gate, register, '[{"message":{"pubkey":"0x1"}}]')
    nodes[1]!.requests.length = 0
    await nodes[1]!.accept()
    await untilEligible(gate, 'b', true, 10_000)
    await until(() => bodies(nodes[1]!, register).length === 1)
    assert.deepEqual(bodies(nodes[1]!, prepare), [recipient(1, '0xb'), recipient(2, '0xc')])
    assert.equal(bodies(nodes[0]!, prepare).length, 3, 'who was there is not told twice')
  })

  it('is told to a node that comes into service later than it was said', async (t) => {
    const { gate, nodes } = await clStage(t, 2, { hanging: [1], probe: { timeoutMs: 100 }, settled: false })
    await untilEligible(gate, 'a', true)
    await tell(gate, prepare, recipient(1, '0xa'))
    nodes[1]!.unhang()
    await untilEligible(gate, 'b', true, 10_000)
    await until(() => bodies(nodes[1]!, prepare).length >= 1)
  })

  it('is not told again when no node has taken it', async (t) => {
    const { gate, nodes } = await clStage(t, 2, { probe: { maxFailures: 1 } })
    for (const node of nodes) node.answer(prepare, { code: 400 }, 400)
    await tell(gate, prepare, recipient(1, '0xa'))
    await nodes[1]!.refuse()
    await untilEligible(gate, 'b', false)
    nodes[1]!.requests.length = 0
    await nodes[1]!.accept()
    await untilEligible(gate, 'b', true, 10_000)
    await gate.send('/eth/v1/x')
    assert.equal(bodies(nodes[1]!, prepare).length, 0)
  })

  it('may be long: registrations of many validators go to every node as well', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    const body = `["${'x'.repeat(3_000_000)}"]`
    assert.equal((await tell(gate, register, body)).status, 200)
    await until(() => nodes.every((node) => bodies(node, register)[0]?.length === body.length))
  })
})
