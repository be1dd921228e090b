import assert from 'node:assert/strict'
import { get, request as httpRequest, type IncomingMessage } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import type { BeaconEcho, FakeBeaconNode } from '../fake/beacon-node.ts'
import { until } from '../fake/until.ts'
import { clStage, type Gate, type HttpAnswer, seenHeader } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const echoOf = (answer: HttpAnswer): BeaconEcho => answer.json
const asked = (node: FakeBeaconNode, path: string): number => node.requestsOf(path).length
const ssz = Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 7) % 256))

describe('the beacon door', { concurrency: 8 }, () => {
  it('passes method, raw path, query and body unchanged', async (t) => {
    const { gate } = await clStage(t, 1, quiet)
    const targets = [
      '/eth/v1/beacon/states/head/validators?id=0xab&id=7&status=active_ongoing,exited',
      '/eth/v1/some%2Fthing/..%2f/%C3%A9?q=a%20b+c&&x=',
      '/eth/v2/debug/beacon/states/head?',
      '/eth//v1///x/./y/../z',
      '/eth/v1/beacon/blocks/0xABcd',
    ]
    for (const target of targets) {
      for (const prefix of ['', '/cl']) {
        const echo = echoOf(await gate.send(`${prefix}${target}`))
        assert.deepEqual([echo.method, echo.url, echo.body], ['GET', target, ''])
      }
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const body = `{"of": "${method}"}`
      const echo = echoOf(await gate.send('/eth/v1/x', { method, headers: ['content-type', 'application/json'], body }))
      assert.deepEqual([echo.method, Buffer.from(echo.body, 'base64').toString()], [method, body])
    }
  })

  it('passes headers, but for hop-by-hop and secret ones', async (t) => {
    const { gate } = await clStage(t, 1, quiet)
    const { headers } = echoOf(
      await gate.send('/eth/v1/x', {
        headers: [
          ...['Accept', 'application/octet-stream;q=1.0,application/json;q=0.9', 'Eth-Consensus-Version', 'deneb'],
          ...['Authorization', 'Bearer s3cret', 'Cookie', 's3cret', 'Connection', 'X-Hop', 'X-Hop', '1'],
          ...['X-Request-Id', 'mine', 'traceparent', '00-1-2-01', 'Accept-Encoding', 'gzip'],
        ],
      }),
    )
    assert.deepEqual(seenHeader(headers, 'accept'), ['application/octet-stream;q=1.0,application/json;q=0.9'])
    assert.deepEqual(seenHeader(headers, 'eth-consensus-version'), ['deneb'])
    assert.deepEqual(seenHeader(headers, 'x-request-id'), ['mine'])
    assert.deepEqual(seenHeader(headers, 'traceparent'), ['00-1-2-01'])
    assert.deepEqual(seenHeader(headers, 'accept-encoding'), ['gzip'])
    assert.doesNotMatch(headers.join('\n'), /s3cret|x-hop/i)
  })

  it('passes SSZ bodies both ways', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    const headers = ['content-type', 'application/octet-stream', 'eth-consensus-version', 'electra']
    const answer = await gate.send('/eth/v2/beacon/blocks', { method: 'POST', headers, body: ssz })
    assert.ok(answer.body.equals(ssz))
    assert.equal(answer.header('content-type'), 'application/octet-stream')
    assert.equal(answer.header('eth-consensus-version'), 'deneb')
    const [seen] = nodes[0]!.requestsOf('/eth/v2/beacon/blocks')
    assert.ok(seen!.body.equals(ssz))
    assert.deepEqual(seenHeader(seen!.headers, 'eth-consensus-version'), ['electra'])
  })

  it('passes status, headers and body of every answer unchanged', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    nodes[0]!.extraHeaders = [
      'Eth-Execution-Payload-Blinded',
      'false',
      'Set-Cookie',
      'a=1',
      'X-Node',
      '1',
      'X-Node',
      '2',
    ]
    for (const status of [200, 202, 206, 400, 404, 415, 500]) {
      const body = `{"code": ${status},  "message":"odd  spacing"}`
      nodes[0]!.answer('/eth/v1/x', body, status)
      const answer = await gate.send('/eth/v1/x')
      assert.deepEqual([answer.status, answer.text], [status, body])
      assert.deepEqual(answer.all('set-cookie'), [], 'unless asked for')
      assert.deepEqual(answer.all('x-node'), ['1', '2'])
      assert.equal(answer.header('eth-execution-payload-blinded'), 'false')
      assert.equal(answer.header('x-drawbridge-upstream'), 'a')
    }
  })

  it('answers HEAD without a body', async (t) => {
    const { gate } = await clStage(t, 1, quiet)
    const answer = await gate.send('/eth/v1/node/version', { method: 'HEAD' })
    assert.deepEqual([answer.status, answer.text], [200, ''])
  })

  it('reports the health of the network: a node that serves', async (t) => {
    const { gate, nodes } = await clStage(t, 2)
    nodes[0]!.health = 503
    await until(() => !gate.upstream('a').eligible)
    assert.equal((await gate.send('/eth/v1/node/health')).status, 200)
  })

  it('has error answers of its own in the shape of the Beacon API', async (t) => {
    const { gate, nodes } = await clStage(t, 1)
    await nodes[0]!.refuse()
    await until(() => !gate.upstream('a').eligible)
    const answer = await gate.send('/eth/v1/node/version')
    assert.equal(answer.status, 503)
    assert.equal(answer.json.code, 503)
    assert.equal(typeof answer.json.message, 'string')
  })

  it('refuses bodies beyond the limit', async (t) => {
    const { gate, nodes } = await clStage(t, 1, { ...quiet, limits: { maxBodyBytes: 1000 } })
    const body = Buffer.alloc(2000)
    const answer = await gate.send('/eth/v1/beacon/pool/attestations', { method: 'POST', body })
    assert.deepEqual([answer.status, answer.json.code], [413, 413])
    assert.equal(asked(nodes[0]!, '/eth/v1/beacon/pool/attestations'), 0)
  })
})

describe('beacon failover', { concurrency: 8 }, () => {
  const path = '/eth/v1/beacon/headers'
  const failures: [what: string, script: (node: FakeBeaconNode) => unknown][] = [
    ['refuses', (node) => node.refuse()],
    ['resets', (node) => node.resetNext(100)],
    ['breaks off', (node) => node.cutNextAfter(3)],
    ['answers 500', (node) => node.status(500)],
    ['answers 502', (node) => node.status(502)],
    ['is syncing (503)', (node) => node.status(503)],
    ['answers 429', (node) => node.status(429)],
  ]
  for (const [what, script] of failures) {
    it(`asks another node for a read when the first ${what}`, async (t) => {
      const { gate, nodes } = await clStage(t, 2, quiet)
      await script(nodes[0]!)
      const answer = await gate.send(`${path}?slot=5`)
      assert.equal(answer.status, 200)
      assert.equal(echoOf(answer).url, `${path}?slot=5`)
      assert.equal(answer.header('x-drawbridge-upstream'), 'b')
      assert.equal(asked(nodes[1]!, path), 1)
    })
  }

  it('asks another node for a block that the first does not have, and says 404 when nobody has it', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    const block = '/eth/v2/beacon/blocks/77'
    const missing = '{"code":404,"message":"NOT_FOUND: beacon block at slot 77"}'
    nodes[0]!.answer(block, missing, 404)
    assert.equal((await gate.send(block)).header('x-drawbridge-upstream'), 'b')
    nodes[1]!.answer(block, missing, 404)
    const answer = await gate.send(block)
    assert.deepEqual([answer.status, answer.text], [404, missing])
    assert.equal(gate.upstream('a').errorRatio, 0)
  })

  it('asks another node where the first points elsewhere, does not take the request, or fails in any way of a server', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    for (const status of [301, 307, 406, 408, 410, 413, 414, 415, 431, 451, 505, 507, 599]) {
      nodes[0]!.answer('/eth/v1/beacon/rewards', `{"code":${status},"message":"x"}`, status)
      const answer = await gate.send('/eth/v1/beacon/rewards')
      assert.deepEqual([answer.status, answer.header('x-drawbridge-upstream')], [200, 'b'], `${status}`)
    }
    for (const message of [
      'slot 105 is greater than current slot 99',
      'slot is too far ahead',
      'the node is syncing',
    ]) {
      nodes[0]!.answer('/eth/v1/beacon/rewards', JSON.stringify({ code: 400, message }), 400)
      assert.equal((await gate.send('/eth/v1/beacon/rewards')).header('x-drawbridge-upstream'), 'b', message)
    }
    assert.deepEqual([gate.upstream('a').eligible, gate.upstream('a').breaker], [true, 'closed'])
  })

  it('rescues a read from a node that hangs', async (t) => {
    const { gate, nodes } = await clStage(t, 2, { probe: { intervalMs: 1000 } })
    nodes[0]!.hang()
    const answer = await gate.send(path)
    assert.equal(answer.header('x-drawbridge-upstream'), 'b')
  })

  const safe = [
    '/eth/v1/beacon/pool/attestations',
    '/eth/v2/beacon/pool/voluntary_exits',
    '/eth/v1/validator/duties/attester/5',
  ]
  for (const target of safe) {
    it(`repeats a POST that the Beacon API makes safe to repeat: ${target}`, async (t) => {
      const { gate, nodes } = await clStage(t, 2, quiet)
      nodes[0]!.status(502)
      const answer = await gate.send(target, {
        method: 'POST',
        headers: ['content-type', 'application/json'],
        body: '[1]',
      })
      assert.equal(answer.header('x-drawbridge-upstream'), 'b')
      assert.equal(Buffer.from(echoOf(answer).body, 'base64').toString(), '[1]')
      assert.deepEqual(
        nodes.map((node) => asked(node, target)),
        [1, 1],
      )
    })
  }

  it('never repeats a POST that may have been carried out', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    for (const target of ['/eth/v1/custom/action', '/lighthouse/liveness']) {
      nodes[0]!.status(502, { body: 'bad', times: 1 })
      const answer = await gate.send(`/cl${target}`, { method: 'POST', body: '{}' })
      assert.equal(answer.status, 502)
      assert.deepEqual(
        nodes.map((node) => asked(node, target)),
        [1, 0],
      )
    }
  })
})

describe('beacon bodies', { concurrency: 4 }, () => {
  it('stream to the node before the client has sent them whole', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    const { hostname, port } = new URL(gate.url)
    const size = 3_000_000
    const outgoing = httpRequest({
      ...{ hostname, port, path: '/eth/v2/beacon/blocks', method: 'POST' },
      headers: { 'content-type': 'application/octet-stream' },
    })
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      outgoing.on('response', resolve).on('error', reject),
    )
    const before = nodes[0]!.connections
    const piece = Buffer.alloc(size / 3, 'xyz')
    outgoing.write(piece)
    await until(() => gate.upstream('a').inFlight === 1, { describe: 'the attempt to begin before the body is whole' })
    outgoing.write(piece)
    outgoing.end(piece)
    const answer = await answered
    let got = 0
    for await (const chunk of answer) got += chunk.length
    assert.equal(got, size)
    assert.ok(nodes[0]!.connections >= before)
    assert.equal(nodes[0]!.requestsOf('/eth/v2/beacon/blocks')[0]!.body.length, size)
  })

  it('of large answers pass whole', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    const body = `{"data":"${'ab'.repeat(2_000_000)}"}`
    nodes[0]!.answer('/eth/v2/debug/beacon/states/head', body)
    assert.equal((await gate.send('/eth/v2/debug/beacon/states/head')).text, body)
  })

  it('that break off break the client off, too', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    nodes[0]!.answer('/eth/v2/debug/beacon/states/head', `{"data":"${'ab'.repeat(2_000_000)}"}`)
    nodes[0]!.cutNextAfter(1_500_000)
    await assert.rejects(gate.send('/eth/v2/debug/beacon/states/head'))
  })
})

/** An event stream as a client reads it. */
class EventReader {
  text = ''
  closed = false
  readonly message: IncomingMessage

  constructor(message: IncomingMessage) {
    this.message = message
    message.setEncoding('utf8')
    message.on('data', (chunk: string) => (this.text += chunk))
    message.on('error', () => {})
    message.on('close', () => (this.closed = true))
  }
}

function openEvents(t: TestContext, gate: Gate, query = '?topics=head'): Promise<EventReader> {
  return new Promise((resolve, reject) => {
    const outgoing = get(
      `${gate.url}/eth/v1/events${query}`,
      { headers: { accept: 'text/event-stream' } },
      (message) => {
        t.after(() => message.destroy())
        resolve(new EventReader(message))
      },
    )
    outgoing.on('error', reject)
  })
}

describe('/eth/v1/events', { concurrency: 4 }, () => {
  it('passes events at once, from one node', async (t) => {
    const { gate, nodes } = await clStage(t, 2)
    const events = await openEvents(t, gate)
    assert.equal(events.message.statusCode, 200)
    assert.equal(events.message.headers['content-type'], 'text/event-stream')
    assert.equal(events.message.headers['x-drawbridge-upstream'], 'a')
    await until(() => nodes[0]!.streams.active === 1)
    assert.deepEqual(nodes[0]!.streams.opened, ['/eth/v1/events?topics=head'])
    for (const slot of [1001, 1002]) {
      nodes[0]!.nextSlot()
      await until(() => events.text.includes(`"slot":"${slot}"`), { describe: () => events.text })
    }
    assert.match(events.text, /event: head\ndata: \{/)
    assert.deepEqual(nodes[1]!.streams.opened, [])
  })

  it('passes halves of an event as they come, byte for byte', async (t) => {
    const { gate, nodes } = await clStage(t, 1)
    const events = await openEvents(t, gate)
    await until(() => nodes[0]!.streams.active === 1)
    nodes[0]!.streams.raw('event: head\nda')
    await until(() => events.text.endsWith('event: head\nda'))
    nodes[0]!.streams.raw('ta: 1\n\n')
    await until(() => events.text.endsWith('event: head\ndata: 1\n\n'))
  })

  it('passes the refusal of a node', async (t) => {
    const { gate } = await clStage(t, 1)
    const events = await openEvents(t, gate, '')
    assert.equal(events.message.statusCode, 400)
  })

  it('opens at another node when the first is down', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    await nodes[0]!.refuse()
    const events = await openEvents(t, gate)
    assert.equal(events.message.headers['x-drawbridge-upstream'], 'b')
  })

  it('ends for the client when it ends at the node', async (t) => {
    const { gate, nodes } = await clStage(t, 1)
    const events = await openEvents(t, gate)
    await until(() => nodes[0]!.streams.active === 1)
    nodes[0]!.streams.cut()
    await until(() => events.closed)
    const cut = await openEvents(t, gate)
    await until(() => nodes[0]!.streams.active === 1)
    nodes[0]!.reset()
    await until(() => cut.closed)
    assert.equal(cut.message.complete, false, 'a reset is not a proper end')
  })

  it('ends at the node when the client goes', async (t) => {
    const { gate, nodes } = await clStage(t, 1)
    const events = await openEvents(t, gate)
    await until(() => nodes[0]!.streams.active === 1)
    events.message.socket.resetAndDestroy()
    await until(() => nodes[0]!.streams.active === 0)
    await until(() => gate.upstream('a').inFlight === 0)
  })

  it('may stay silent without making its node suspect, and outlives the deadline of a call', async (t) => {
    const { gate, nodes } = await clStage(t, 1, { failsafe: { timeoutMs: 300 } })
    const events = await openEvents(t, gate)
    await until(() => nodes[0]!.streams.active === 1)
    const before = asked(nodes[0]!, '/eth/v1/node/health')
    await until(() => asked(nodes[0]!, '/eth/v1/node/health') > before + 8)
    assert.equal(gate.upstream('a').suspect, false)
    nodes[0]!.nextSlot()
    await until(() => events.text.includes('"slot":"1001"'))
  })

  it('begins at once for a topic that is rare, and waits for it as long as it takes', async (t) => {
    const { gate, nodes } = await clStage(t, 2, { failsafe: { timeoutMs: 300 } })
    for (const node of nodes) node.streams.lateHead = true
    const events = await openEvents(t, gate, '?topics=attester_slashing')
    assert.deepEqual([events.message.statusCode, events.message.headers['content-type']], [200, 'text/event-stream'])
    const before = asked(nodes[0]!, '/eth/v1/node/health')
    await until(() => asked(nodes[0]!, '/eth/v1/node/health') > before + 10)
    assert.deepEqual([gate.upstream('a').suspect, gate.upstream('b').suspect, events.closed], [false, false, false])
    nodes[0]!.push('attester_slashing', { a: 1 })
    await until(() => events.text.includes('event: attester_slashing'))
    assert.deepEqual([nodes[0]!.streams.opened.length, nodes[1]!.streams.opened.length], [1, 0])
    assert.equal((await gate.send('/eth/v1/x')).header('x-drawbridge-upstream'), 'a')
  })

  it('that has only begun is given up at the node when the client goes', async (t) => {
    const { gate, nodes } = await clStage(t, 1)
    nodes[0]!.streams.lateHead = true
    const events = await openEvents(t, gate)
    await until(() => nodes[0]!.streams.active === 1)
    events.message.socket.resetAndDestroy()
    await until(() => nodes[0]!.streams.active === 0)
    await until(() => gate.upstream('a').inFlight === 0)
  })
})

describe('block production', { concurrency: 4 }, () => {
  const paths = ['/eth/v3/validator/blocks/5', '/eth/v2/validator/blocks/5', '/eth/v1/validator/blinded_blocks/5']
  for (const path of paths) {
    it(`waits for its node: ${path}`, async (t) => {
      const { gate, nodes } = await clStage(t, 2, quiet)
      for (let n = 0; n < 40; n++) await gate.send(path)
      nodes[0]!.delay(path, 900)
      const before = asked(nodes[1]!, path)
      for (const answer of await Promise.all([gate.send(path), gate.send(path)])) {
        assert.equal(answer.header('x-drawbridge-upstream'), 'a')
        assert.equal(answer.header('x-drawbridge-attempts'), '1')
      }
      assert.equal(asked(nodes[1]!, path), before)
      assert.equal(gate.upstream('a').suspect, false)
    })
  }

  it('is asked of another node when its node has had its time', async (t) => {
    const { gate, nodes } = await clStage(t, 2, { ...quiet, failsafe: { produceMs: 200 } })
    nodes[0]!.delay(paths[0]!, 20_000)
    const answer = await gate.send(paths[0]!)
    assert.equal(answer.header('x-drawbridge-upstream'), 'b')
    assert.equal(answer.header('x-drawbridge-attempts'), '2')
  })

  it('keeps its time when other calls find its node silent, and goes elsewhere at once when it fails', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    nodes[0]!.hang()
    const block = gate.send(paths[0]!)
    await until(() => asked(nodes[0]!, paths[0]!) === 1)
    assert.equal((await gate.send('/eth/v1/x')).header('x-drawbridge-upstream'), 'b')
    assert.equal(asked(nodes[1]!, paths[0]!), 0)
    nodes[0]!.reset()
    assert.equal((await block).header('x-drawbridge-upstream'), 'b')
  })
})

describe('a query of many keys', { concurrency: 2 }, () => {
  const keys = Array.from({ length: 1024 }, (_, n) => `0x${n.toString(16).padStart(96, '0')}`)
  const path = '/eth/v1/beacon/states/head/validators'

  it('passes in the target, however it is written', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    nodes[0]!.answer(path, { data: [] })
    for (const query of [`id=${keys.join(',')}`, keys.map((key) => `id=${key}`).join('&'), `id=${keys.join('%2C')}`]) {
      for (const prefix of ['', '/cl']) assert.equal((await gate.send(`${prefix}${path}?${query}`)).status, 200)
      assert.equal(nodes[0]!.requests.at(-1)!.target, `${path}?${query}`)
    }
  })

  it('passes as a body', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    nodes[0]!.answer(path, { data: [] })
    const body = JSON.stringify({ ids: keys, statuses: [] })
    const answer = await gate.send(path, { method: 'POST', headers: ['content-type', 'application/json'], body })
    assert.equal(answer.status, 200)
    assert.equal(nodes[0]!.requests.at(-1)!.body.toString(), body)
  })
})

describe('a node that is behind its client', { concurrency: 4 }, () => {
  const words = [
    '{"code":400,"message":"BAD_REQUEST: Invalid epoch: RelativeEpoch is in the future"}',
    '{"code":400,"message":"Cannot create attestation for future slot"}',
    '{"code":400,"message":"x","failures":[{"index":0,"message":"Verification: FutureSlot"}]}',
    '{"code":400,"message":"x","failures":[{"index":"3","message":"ATTESTATION_ERROR_UNKNOWN_BEACON_BLOCK_ROOT"}]}',
  ]
  for (const word of words) {
    it(`is not the last to be asked: ${word}`, async (t) => {
      const { gate, nodes } = await clStage(t, 2, quiet)
      for (const [method, path] of [
        ['GET', '/eth/v1/validator/attestation_data'],
        ['POST', '/eth/v1/beacon/pool/attestations'],
      ] as const) {
        nodes[0]!.answer(path, word, 400)
        const answer = await gate.send(path, { method, body: method === 'POST' ? '[]' : undefined })
        assert.deepEqual([answer.status, answer.header('x-drawbridge-upstream')], [200, 'b'])
        nodes[1]!.answer(path, word, 400)
        const last = await gate.send(path, { method, body: method === 'POST' ? '[]' : undefined })
        assert.deepEqual([last.status, last.text], [400, word])
      }
      assert.equal(gate.upstream('a').errorRatio, 0)
    })
  }

  it('is told from a client that is wrong, whom no other node can help', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    nodes[0]!.answer('/eth/v1/x', '{"code":400,"message":"Invalid validator id: abc"}', 400)
    assert.equal((await gate.send('/eth/v1/x')).status, 400)
    assert.equal(asked(nodes[1]!, '/eth/v1/x'), 0)
  })
})

describe('what is known already', { concurrency: 4 }, () => {
  const publish = (gate: Gate, path: string): Promise<HttpAnswer> => gate.send(path, { method: 'POST', body: '[]' })
  const cases: [path: string, answer: string][] = [
    ['/eth/v2/beacon/blocks', '{"code":400,"message":"BAD_REQUEST: Invalid block: BlockIsAlreadyKnown(0xab)"}'],
    ['/eth/v1/beacon/pool/attestations', '{"code":400,"failures":[{"index":0,"message":"PriorAttestationKnown"}]}'],
    ['/eth/v1/validator/aggregate_and_proofs', '{"code":400,"message":"ATTESTATION_ERROR_AGGREGATOR_ALREADY_KNOWN"}'],
    ['/eth/v1/beacon/pool/voluntary_exits', '{"code":400,"message":"a duplicate exit was already seen"}'],
  ]
  for (const [path, known] of cases) {
    it(`is success when we have asked twice: ${path}`, async (t) => {
      const { gate, nodes } = await clStage(t, 2, quiet)
      nodes[0]!.status(502, { times: 1 })
      nodes[1]!.answer(path, known, 400)
      const answer = await publish(gate, path)
      assert.deepEqual([answer.status, answer.text, answer.header('x-drawbridge-attempts')], [200, '', '2'])
    })
  }

  it('is told to the client when it was not we who asked before', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    const [path, known] = cases[0]!
    nodes[0]!.answer(path, known, 400)
    const answer = await publish(gate, path)
    assert.deepEqual([answer.status, answer.text], [400, known])
  })

  it('is no success when something else was wrong as well', async (t) => {
    const { gate, nodes } = await clStage(t, 2, quiet)
    const path = '/eth/v1/beacon/pool/attestations'
    const mixed =
      '{"code":400,"failures":[{"index":0,"message":"already known"},{"index":1,"message":"bad signature"}]}'
    nodes[0]!.status(502, { times: 1 })
    nodes[1]!.answer(path, mixed, 400)
    const answer = await publish(gate, path)
    assert.deepEqual([answer.status, answer.text], [400, mixed])
  })
})
