import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FakeElNode } from '../fake/el-node.ts'
import { until } from '../fake/until.ts'
import { clStage, elStage, type Gate, type HttpAnswer, uniqueParams, untilEligible } from './gate.ts'

// A heavy method, without hedging: on a busy machine neither a rescue nor a hedge may blur who was chosen.
const method = 'debug_traceTransaction'
const failsafe = { hedge: { afterQuantile: 1, maxExtraPercent: 0 } }
const balance = (gate: Gate, headers: readonly string[] = []): Promise<HttpAnswer> =>
  gate.call(method, uniqueParams(), headers)
const served = (nodes: readonly FakeElNode[]): number[] => nodes.map((node) => node.callsOf(method).length)

/** Sends calls one after the other and says who answered each. */
async function inTurn(gate: Gate, count: number): Promise<string> {
  let order = ''
  for (let n = 0; n < count; n++) order += (await balance(gate)).header('x-drawbridge-upstream')
  return order
}

describe('routing', { concurrency: 6 }, () => {
  it('ordered: everything goes to the first', async (t) => {
    const { gate, nodes } = await elStage(t, 3, { failsafe })
    assert.equal(await inTurn(gate, 30), 'a'.repeat(30))
    assert.deepEqual(served(nodes), [30, 0, 0])
  })

  it('ordered: the first gets everything back once it is well again', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { failsafe })
    await nodes[0]!.refuse()
    await untilEligible(gate, 'a', false)
    assert.equal(await inTurn(gate, 5), 'bbbbb')
    await nodes[0]!.accept()
    await untilEligible(gate, 'a', true)
    assert.equal(await inTurn(gate, 5), 'aaaaa')
  })

  it('roundRobin: everyone in turn', async (t) => {
    const { gate, nodes } = await elStage(t, 3, { failsafe, routing: { strategy: 'roundRobin' } })
    assert.equal(await inTurn(gate, 9), 'abcabcabc')
    assert.deepEqual(served(nodes), [3, 3, 3])
  })

  it('balanced: the faster gets most', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { failsafe, routing: { strategy: 'balanced' } })
    nodes[0]!.delay('*', 25)
    await inTurn(gate, 60)
    const [slow, fast] = served(nodes)
    assert.ok(fast! > 2 * slow!, `slow ${slow}, fast ${fast}`)
  })

  it('balanced: the one that fails gets least', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { failsafe, routing: { strategy: 'balanced' } })
    let bad = 0
    nodes[0]!.answer(method, () => (bad++ % 2 === 0 ? { error: { code: -32603, message: 'EOF' } } : '0x1'))
    const order = await inTurn(gate, 60)
    assert.equal(order.length, 60)
    const [failing, sound] = served(nodes)
    assert.ok(sound! > 2 * failing!, `failing ${failing}, sound ${sound}`)
  })

  it('balanced: equals share the load that runs at once', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { failsafe, routing: { strategy: 'balanced' } })
    for (const node of nodes) node.delay(method, 30)
    await Promise.all(Array.from({ length: 40 }, () => balance(gate)))
    for (const count of served(nodes)) assert.ok(count >= 10, `${served(nodes)}`)
  })

  it('asks a backup only when no primary is left, whatever the strategy', async (t) => {
    for (const strategy of ['ordered', 'balanced', 'roundRobin'] as const) {
      const { gate, nodes } = await elStage(t, 3, { failsafe, routing: { strategy }, upstreams: [{ tier: 'backup' }] })
      await inTurn(gate, 20)
      assert.equal(nodes[0]!.callsOf(method).length, 0)
      assert.equal(gate.status.failoverActive, false)
    }
  })

  it('fails over to the backups without a gap and goes back as soon as a primary is there', async (t) => {
    const { gate, nodes } = await elStage(t, 3, { failsafe, upstreams: [{}, {}, { tier: 'backup' }] })
    const [a, b, c] = nodes
    const answers: HttpAnswer[] = []
    let stop = false
    const client = async (): Promise<void> => {
      while (!stop) answers.push(await balance(gate))
    }
    const clients = Array.from({ length: 8 }, client)
    await until(() => answers.length > 50)
    assert.equal(c!.callsOf(method).length, 0)
    await Promise.all([a!.refuse(), b!.refuse()])
    await until(() => gate.status.failoverActive)
    const then = answers.length
    await until(() => answers.length > then + 50)
    await b!.accept()
    await until(() => !gate.status.failoverActive)
    const back = c!.callsOf(method).length
    const after = answers.length
    await until(() => answers.length > after + 50)
    stop = true
    await Promise.all(clients)
    // Calls chosen before the primary was back may still have been on their way.
    assert.ok(c!.callsOf(method).length - back <= 8, 'the backup gets nothing any more')
    const bad = answers.filter(({ status, json }) => status !== 200 || json.result === undefined)
    assert.deepEqual(
      bad.map(({ text }) => text),
      [],
    )
    assert.equal(await gate.metric('failovers_total', { network: 'el' }), 1)
  })

  it('maxRequestsPerSecond: the next upstream takes what is over, then the client gets 429', async (t) => {
    const { gate, nodes } = await elStage(t, 2, {
      failsafe,
      upstreams: [{ maxRequestsPerSecond: 4 }, { maxRequestsPerSecond: 6 }],
    })
    const began = performance.now()
    const answers = await Promise.all(Array.from({ length: 20 }, () => balance(gate)))
    const seconds = (performance.now() - began) / 1000
    const [a, b] = served(nodes)
    assert.ok(a! >= 4 && a! <= 4 + Math.ceil(4 * seconds), `a served ${a} in ${seconds} s`)
    assert.ok(b! >= 6 && b! <= 6 + Math.ceil(6 * seconds), `b served ${b} in ${seconds} s`)
    const limited = answers.filter(({ status }) => status === 429)
    assert.equal(limited.length, 20 - a! - b!)
    for (const answer of limited) {
      assert.match(answer.header('retry-after') ?? '', /^[1-9]\d*$/)
      const { id, error } = answer.json
      assert.deepEqual({ id, code: error.code, class: error.data.class }, { id: 1, code: -32005, class: 'LIMITED' })
    }
    assert.equal(await gate.metric('rate_limited_total'), limited.length)
    await until(async () => (await balance(gate)).status === 200, { describe: 'the limit to refill' })
  })

  it('maxConsecutive: another upstream must be used once in between', async (t) => {
    const { gate } = await elStage(t, 2, { failsafe, upstreams: [{ maxConsecutive: 3 }] })
    assert.equal(await inTurn(gate, 12), 'aaabaaabaaab')
  })

  it('maxConsecutive: an upstream that is alone goes on', async (t) => {
    const { gate } = await elStage(t, 1, { failsafe, upstreams: [{ maxConsecutive: 3 }] })
    assert.equal(await inTurn(gate, 7), 'aaaaaaa')
  })

  it('maxConcurrent: the next upstream takes what is over, then the client gets 429', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { failsafe, upstreams: [{ maxConcurrent: 2 }, { maxConcurrent: 1 }] })
    let release: () => void = () => {}
    const held = new Promise<string>((resolve) => (release = () => resolve('0x5')))
    for (const node of nodes) node.answer('trace_block', () => held)
    const waiting = [1, 2, 3].map(() => gate.call('trace_block', uniqueParams()))
    await until(() => nodes.reduce((sum, node) => sum + node.callsOf('trace_block').length, 0) === 3)
    assert.deepEqual(
      nodes.map((node) => node.callsOf('trace_block').length),
      [2, 1],
    )
    const over = await balance(gate)
    assert.equal(over.status, 429)
    assert.match(over.header('retry-after') ?? '', /^[1-9]\d*$/)
    assert.deepEqual(served(nodes), [0, 0])
    release()
    for (const answer of await Promise.all(waiting)) assert.equal(answer.json.result, '0x5')
    assert.equal((await balance(gate)).status, 200)
  })

  it('limits one member of a batch without spoiling the others', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { failsafe, upstreams: [{ maxRequestsPerSecond: 2 }] })
    const batch = [1, 2, 3].map((id) => ({ jsonrpc: '2.0', id, method, params: uniqueParams() }))
    const answer = await gate.post(JSON.stringify(batch))
    assert.equal(answer.status, 200)
    const codes = answer.json.map(({ id, error }: { id: number; error?: { code: number } }) => [id, error?.code])
    assert.deepEqual(codes, [
      [1, undefined],
      [2, undefined],
      [3, -32005],
    ])
    assert.equal(nodes[0]!.callsOf(method).length, 2)
  })

  it('answers 503 with the id when no upstream is eligible', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { failsafe })
    await nodes[0]!.refuse()
    await untilEligible(gate, 'a', false)
    const answer = await balance(gate)
    assert.equal(answer.status, 503)
    const { id, error } = answer.json
    assert.deepEqual({ id, code: error.code, class: error.data.class }, { id: 1, code: -32603, class: 'NO_UPSTREAM' })
  })
})

describe('X-Drawbridge-Upstream', { concurrency: 6 }, () => {
  const directives = { upstream: true }

  it('is not heard unless the config says so, and goes to no node', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { failsafe })
    for (const name of ['b', 'z']) {
      const answer = await balance(gate, ['X-Drawbridge-Upstream', name])
      assert.equal(answer.header('x-drawbridge-upstream'), 'a')
    }
    assert.deepEqual(served(nodes), [2, 0])
    assert.doesNotMatch(nodes[0]!.callsOf(method)[0]!.headers.join('\n'), /x-drawbridge/i)
  })

  it('sends a call to the upstream it names, even a backup', async (t) => {
    const { gate, nodes } = await elStage(t, 3, { failsafe, directives, upstreams: [{}, {}, { tier: 'backup' }] })
    for (const name of ['c', 'b', 'a']) {
      const answer = await balance(gate, ['X-Drawbridge-Upstream', name])
      assert.equal(answer.header('x-drawbridge-upstream'), name)
    }
    assert.deepEqual(served(nodes), [1, 1, 1])
    const [call] = nodes[2]!.callsOf(method)
    assert.doesNotMatch(call!.headers.join('\n'), /x-drawbridge/i)
  })

  it('is answered with an error when there is no such upstream, and nobody is asked', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { failsafe, directives })
    const { json } = await balance(gate, ['X-Drawbridge-Upstream', 'z'])
    assert.equal(json.error.code, -32602)
    assert.equal(json.error.data.class, 'UNKNOWN_UPSTREAM')
    assert.deepEqual(served(nodes), [0, 0])
  })

  it('is answered with 503 when the upstream is out, not sent elsewhere', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { failsafe, directives })
    await nodes[0]!.refuse()
    await untilEligible(gate, 'a', false)
    const answer = await balance(gate, ['X-Drawbridge-Upstream', 'a'])
    assert.equal(answer.status, 503)
    assert.equal(answer.json.error.data.class, 'NO_UPSTREAM')
    assert.deepEqual(served(nodes), [0, 0])
  })
})

describe('X-Drawbridge-Min-Head', { concurrency: 6 }, () => {
  it('asks only upstreams that have reached the block', async (t) => {
    const { gate, nodes } = await elStage(t, [{ height: 98 }, { height: 100 }], { failsafe })
    const answer = await balance(gate, ['X-Drawbridge-Min-Head', '99'])
    assert.equal(answer.header('x-drawbridge-upstream'), 'b')
    assert.equal(answer.header('x-drawbridge-head'), '100')
    const low = await balance(gate, ['X-Drawbridge-Min-Head', '98'])
    assert.equal(low.header('x-drawbridge-upstream'), 'a')
    assert.deepEqual(served(nodes), [1, 1])
  })

  it('is answered with 503 while nobody has reached it', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { failsafe })
    const answer = await balance(gate, ['X-Drawbridge-Min-Head', '101'])
    assert.equal(answer.status, 503)
    assert.deepEqual(served(nodes), [0, 0])
  })

  for (const text of ['latest', '', '-1', '1.5', '1e2', '100,', '0x', '0xg', '9'.repeat(40)]) {
    it(`that holds no number ("${text.slice(0, 9)}") is refused with 400 at both doors, and nobody is asked`, async (t) => {
      const [el, cl] = [await elStage(t, 1), await clStage(t, 1)]
      const header = ['X-Drawbridge-Min-Head', text]
      const answer = await balance(el.gate, header)
      const { class: errorClass, nextStep } = answer.json.error.data
      assert.deepEqual([answer.status, answer.json.error.code, errorClass], [400, -32602, 'BAD_MIN_HEAD'])
      assert.match(nextStep, /decimal/)
      const path = '/eth/v1/beacon/genesis'
      cl.nodes[0]!.requests.length = 0
      const rest = await cl.gate.send(`${path}?here`, { headers: header })
      assert.deepEqual([rest.status, rest.json.class], [400, 'BAD_MIN_HEAD'])
      assert.deepEqual(served(el.nodes), [0])
      assert.ok(cl.nodes[0]!.requests.every(({ target }) => !target.includes('?here')))
    })
  }

  it('may be written in decimal or in hex, with zeros before it', async (t) => {
    const { gate } = await elStage(t, [{ height: 98 }, { height: 100 }])
    for (const text of ['99', '0099', '0x63', '0X63', '0x063']) {
      const answer = await balance(gate, ['X-Drawbridge-Min-Head', text])
      assert.deepEqual([answer.status, answer.header('x-drawbridge-upstream')], [200, 'b'], text)
    }
  })
})
