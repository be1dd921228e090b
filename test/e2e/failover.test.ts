import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FakeElNode } from '../fake/el-node.ts'
import { until } from '../fake/until.ts'
import { elStage, uniqueParams, untilEligible } from './gate.ts'

/** Probes that neither disturb a script nor take anybody out. */
const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const method = 'eth_getBalance'
const asked = (node: FakeElNode, name = method): number =>
  node.requests.filter(({ body }) => body.includes(`"${name}"`)).length

const failures: [what: string, script: (node: FakeElNode) => unknown][] = [
  ['refuses connections', (node) => node.refuse()],
  ['resets every connection', (node) => node.resetNext(100)],
  ['answers HTML', (node) => node.rawBody(method, '<html><body>Bad gateway</body></html>', 'text/html')],
  ['answers truncated JSON', (node) => node.rawBody(method, '{"jsonrpc":"2.0","id":1,"result":"0x1')],
  ['answers nothing', (node) => node.rawBody(method, '')],
  ['answers JSON with neither result nor error', (node) => node.rawBody(method, '{"jsonrpc":"2.0","id":1}')],
  ['answers JSON of another kind', (node) => node.rawBody(method, '[]')],
  ['answers two values', (node) => node.rawBody(method, '{"id":1,"result":"0x1"}{"id":1,"result":"0x2"}')],
  ['answers 500', (node) => node.status(500)],
  ['answers 502', (node) => node.status(502, { body: '<h1>502</h1>' })],
  ['answers 503', (node) => node.status(503)],
  ['answers 504', (node) => node.status(504)],
  ['answers 522', (node) => node.status(522)],
  ['breaks off in the middle of its answer', (node) => node.cutNextAfter(10)],
  ['says that it is broken inside', (node) => node.answer(method, { error: { code: -32603, message: 'MDBX_PANIC' } })],
  ['does not have the data', (node) => node.answer(method, { error: { code: -32000, message: 'missing trie node' } })],
]

describe('an upstream that', { concurrency: 8 }, () => {
  for (const [what, script] of failures) {
    it(`${what}: another one answers, each is asked once`, async (t) => {
      const { gate, nodes } = await elStage(t, 3, quiet)
      await script(nodes[0]!)
      const params = uniqueParams()
      nodes[1]!.answer(method, '0xb')
      const answer = await gate.call(method, params)
      assert.deepEqual(answer.json, { jsonrpc: '2.0', id: 1, result: '0xb' })
      assert.equal(answer.status, 200)
      assert.equal(answer.header('x-drawbridge-attempts'), '2')
      assert.deepEqual([asked(nodes[1]!), asked(nodes[2]!)], [1, 0])
      assert.deepEqual(nodes[1]!.callsOf(method)[0]!.params, params)
      // A reset on a reused connection may have been its idle end: the transport asks once more on a fresh one.
      assert.ok(asked(nodes[0]!) <= (what.includes('resets') ? 2 : 1), `${asked(nodes[0]!)}`)
    })
  }

  it('answers a result full of error words is believed', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    const trace = '{"error":"execution timeout","output":"rate limit exceeded","calls":[{"error":{"code":-32603}}]}'
    nodes[0]!.answerText('debug_traceTransaction', trace)
    const answer = await gate.call('debug_traceTransaction', ['0x1'])
    assert.equal(answer.text, `{"jsonrpc":"2.0","id":1,"result":${trace}}`)
    assert.equal(asked(nodes[1]!, 'debug_traceTransaction'), 0)
  })

  it('answers error: null beside a result is believed', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.rawBody(method, ({ rawId }) => `{"jsonrpc":"2.0","id":${rawId},"error":null,"result":"0x5"}`)
    assert.equal((await gate.call(method, uniqueParams())).json.result, '0x5')
    assert.equal(asked(nodes[1]!), 0)
  })

  it('fails like all others: our error with the id, each asked once', async (t) => {
    const { gate, nodes } = await elStage(t, 3, quiet)
    for (const node of nodes) node.rawBody(method, '<html>secret-vendor-page</html>', 'text/html')
    const answer = await gate.post(`{"jsonrpc":"2.0","id":"caf\\u00e9","method":"${method}","params":["0x1"]}`)
    assert.match(answer.text, /"id":"caf\\u00e9"/)
    const { error } = answer.json
    assert.deepEqual([error.code, error.data.class], [-32603, 'UPSTREAM_FAILED'])
    assert.doesNotMatch(answer.text, /secret-vendor/)
    assert.deepEqual(
      nodes.map((node) => asked(node)),
      [1, 1, 1],
    )
  })

  it('fails is followed by maxRetries others, not more', async (t) => {
    const { gate, nodes } = await elStage(t, 5, { ...quiet, failsafe: { maxRetries: 2 } })
    for (const node of nodes) node.status(500)
    assert.equal((await gate.call(method, uniqueParams())).json.error.code, -32603)
    assert.deepEqual(
      nodes.map((node) => asked(node)),
      [1, 1, 1, 0, 0],
    )
  })
})

describe('a verdict of the chain', { concurrency: 8 }, () => {
  const verdicts: [what: string, error: { code: number; message: string; data?: string }][] = [
    ['a revert with data', { code: 3, message: 'execution reverted: nope', data: '0x08c379a0' }],
    ['a revert that talks of limits', { code: 3, message: 'rate limit exceeded', data: '0x08c379a0' }],
    ['a revert without its code', { code: -32000, message: 'execution reverted: block not found' }],
    ['a call with bad params', { code: -32602, message: 'invalid argument 0: hex string has odd length' }],
  ]
  for (const [what, error] of verdicts) {
    it(`is passed on as received and asked of nobody else: ${what}`, async (t) => {
      const { gate, nodes } = await elStage(t, 2, quiet)
      nodes[0]!.answer('eth_call', { error })
      const answer = await gate.call('eth_call', [{}, 'latest'])
      assert.equal(answer.status, 200)
      assert.deepEqual(answer.json.error, error)
      assert.match(answer.header('x-drawbridge-class') ?? '', /^(REVERT|CLIENT)$/)
      assert.equal(asked(nodes[1]!, 'eth_call'), 0)
      assert.equal(gate.upstream('a').errorRatio, 0)
    })
  }
})

describe('a method that an upstream lacks', { concurrency: 8 }, () => {
  const trace = 'debug_traceTransaction'

  it('is asked of another at once, and remembered', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.answer(trace, { error: { code: -32601, message: 'the method does not exist' } })
    const first = await gate.call(trace, ['0x1'])
    const second = await gate.call(trace, ['0x2'])
    assert.match(first.json.result, /^0x/)
    assert.equal(second.header('x-drawbridge-attempts'), '1')
    assert.deepEqual(
      nodes.map((node) => asked(node, trace)),
      [1, 2],
    )
    assert.equal(gate.upstream('a').errorRatio, 0)
    assert.equal((await gate.call(method, uniqueParams())).header('x-drawbridge-upstream'), 'a')
  })

  it('costs no retry, however many lack it', async (t) => {
    const { gate, nodes } = await elStage(t, 5, { ...quiet, failsafe: { maxRetries: 1 } })
    for (const node of nodes.slice(0, 4)) node.answer(trace, { error: { code: -32601, message: 'unknown method' } })
    assert.match((await gate.call(trace, ['0x1'])).json.result, /^0x/)
  })

  it('is -32601 when nobody has it, in whatever words they say so, and then nobody is asked again', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    for (const node of nodes) node.answer(trace, { error: { code: -32004, message: 'Unsupported method' } })
    const first = await gate.call(trace, ['0x1'])
    assert.deepEqual([first.status, first.json.id, first.json.error.code], [200, 1, -32601])
    const second = await gate.call(trace, ['0x1'])
    assert.equal(second.json.error.code, -32601)
    assert.deepEqual(
      nodes.map((node) => asked(node, trace)),
      [1, 1],
    )
  })

  it('may be one that writes: it was not carried out where it does not exist', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[1]!.answer('eth_sendTransaction', '0xabc')
    assert.equal((await gate.call('eth_sendTransaction', [{}])).json.result, '0xabc')
    assert.deepEqual(
      nodes.map((node) => asked(node, 'eth_sendTransaction')),
      [1, 1],
    )
  })
})

describe('an upstream that asks to slow down', { concurrency: 8 }, () => {
  it('is left alone for a while once a probe is told so too, without a failed call', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.status(429, { headers: ['content-type', 'text/plain', 'retry-after', '1'] })
    assert.match((await gate.call(method, uniqueParams())).json.result, /^0x/)
    await until(() => gate.upstream('a').reason === 'it asked us to slow down')
    nodes[0]!.status(undefined)
    const before = nodes[0]!.requests.length
    for (let n = 0; n < 10; n++) assert.match((await gate.call(method, uniqueParams())).json.result, /^0x/)
    assert.equal(nodes[0]!.requests.length, before)
    assert.deepEqual([gate.upstream('a').errorRatio, gate.upstream('a').eligible], [0, true])
    await until(async () => (await gate.call(method, uniqueParams())).header('x-drawbridge-upstream') === 'a')
  })

  it('for one method is asked last for that method, and first for every other', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.answer(method, { error: { code: -32005, message: 'limit exceeded' } })
    for (let n = 0; n < 10; n++) assert.match((await gate.call(method, uniqueParams())).json.result, /^0x/)
    assert.equal(asked(nodes[0]!), 2)
    assert.equal((await gate.call('eth_gasPrice')).header('x-drawbridge-upstream'), 'a')
    assert.equal(gate.upstream('a').reason, null)
  })

  it('is 429 with Retry-After for the client when all say so', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    for (const node of nodes) node.answer(method, { error: { code: -32005, message: 'vendor-x: rate limit exceeded' } })
    for (let n = 0; n < 2; n++) {
      const answer = await gate.call(method, uniqueParams())
      assert.equal(answer.status, 429)
      assert.match(answer.header('retry-after') ?? '', /^[1-9]\d*$/)
      assert.deepEqual([answer.json.id, answer.json.error.code], [1, -32005])
      assert.doesNotMatch(answer.text, /vendor-x/)
    }
    assert.equal((await gate.call('eth_gasPrice')).status, 200, 'other methods do not suffer')
  })
})

describe('an upstream that refuses our key', { concurrency: 8 }, () => {
  const invalid = { error: { code: -32000, message: 'invalid api key sk-4711' } }
  const spent = { error: { code: -32000, message: 'Monthly capacity limit exceeded. Visit sk-4711/billing' } }
  const refusals: [what: string, refuse: (node: FakeElNode) => void, heal: (node: FakeElNode) => void][] = [
    ['by words', (node) => everywhere(node, invalid), forgetAll],
    ['because its plan is spent', (node) => everywhere(node, spent), forgetAll],
    ['by status', (node) => node.status(401, { body: 'no' }), (node) => node.status(undefined)],
  ]
  for (const [what, refuse, heal] of refusals) {
    it(`${what} is cordoned when a probe is told so too, until one is answered, and another serves`, async (t) => {
      const { gate, nodes } = await elStage(t, 2, quiet)
      refuse(nodes[0]!)
      assert.match((await gate.call(method, uniqueParams())).json.result, /^0x/)
      await until(() => gate.upstream('a').cordoned)
      assert.match(gate.upstream('a').reason ?? '', /refuses our key|plan is spent/)
      assert.equal(asked(nodes[0]!), 1)
      heal(nodes[0]!)
      await untilEligible(gate, 'a', true)
    })
  }

  it('is not cordoned for what it says to calls alone', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.answer(method, invalid)
    for (let n = 0; n < 5; n++) assert.match((await gate.call(method, uniqueParams())).json.result, /^0x/)
    const { cordoned, eligible, reason } = gate.upstream('a')
    assert.deepEqual([cordoned, eligible, reason], [false, true, null])
  })

  it('is not quoted to the client when there is no other', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.answer(method, spent)
    const answer = await gate.call(method, uniqueParams())
    assert.equal(answer.json.error.code, -32603)
    assert.equal(answer.json.id, 1)
    assert.doesNotMatch(answer.text, /sk-4711/)
  })
})

const probed = ['eth_blockNumber', 'eth_chainId', 'eth_syncing', 'eth_getBlockByNumber']

function everywhere(node: FakeElNode, answer: unknown): void {
  for (const name of [method, ...probed]) node.answer(name, answer)
}

function forgetAll(node: FakeElNode): void {
  for (const name of [method, ...probed]) node.forget(name)
}

describe('an error that no rule knows', { concurrency: 8 }, () => {
  const odd = { error: { code: -32099, message: 'the flux capacitor is cold' } }

  it('is the answer when a second upstream says the same, and nobody is blamed', async (t) => {
    const { gate, nodes } = await elStage(t, 3, quiet)
    for (const node of nodes) node.answer(method, odd)
    const { json } = await gate.call(method, uniqueParams())
    assert.deepEqual([json.error.code, json.error.message], [odd.error.code, odd.error.message])
    assert.deepEqual(
      nodes.map((node) => asked(node)),
      [1, 1, 0],
    )
    assert.deepEqual(
      gate.status.upstreams.map(({ errorRatio }) => errorRatio),
      [0, 0, 0],
    )
  })

  it('is the fault of the first when the second answers, so that its breaker opens', async (t) => {
    const breaker = { failureRatio: 0.5, minimumCalls: 10, openMs: 60_000 }
    const { gate, nodes } = await elStage(t, 2, { ...quiet, failsafe: { breaker } })
    nodes[0]!.answer(method, odd)
    for (let n = 0; n < 12; n++) assert.match((await gate.call(method, uniqueParams())).json.result, /^0x/)
    assert.equal(gate.upstream('a').breaker, 'open')
    assert.ok(asked(nodes[0]!) <= 10, `${asked(nodes[0]!)}`)
  })
})

describe('an upstream that says it is catching up', () => {
  it('is out when a probe is told so, and in until then', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { probe: { intervalMs: 300 } })
    nodes[0]!.answer(method, { error: { code: -32000, message: 'node is still syncing' } })
    assert.match((await gate.call(method, uniqueParams())).json.result, /^0x/)
    assert.equal(gate.upstream('a').eligible, true)
    nodes[0]!.syncing = { currentBlock: '0x1', highestBlock: '0x9' }
    await untilEligible(gate, 'a', false)
    nodes[0]!.forget(method)
    nodes[0]!.syncing = false
    await untilEligible(gate, 'a', true)
    assert.equal((await gate.call(method, uniqueParams())).header('x-drawbridge-upstream'), 'a')
  })
})
