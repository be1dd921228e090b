import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { until } from '../fake/until.ts'
import { clStage, elStage, type Gate, type HttpAnswer, openGate, optionsFor, seenHeader } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const gasPrice = (id: string): string => `{"jsonrpc":"2.0","id":${id},"method":"eth_gasPrice","params":[]}`

/** Sends bytes as they are and returns all that comes back until the peer closes, or until it looks complete. */
function exchangeBytes(gate: Gate, text: string, complete: (seen: string) => boolean = () => false): Promise<string> {
  const { hostname, port } = new URL(gate.url)
  return new Promise((resolve) => {
    let seen = ''
    const socket = connect(Number(port), hostname, () => socket.write(text))
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1')
      if (complete(seen)) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(seen))
  })
}

describe('ids', { concurrency: 8 }, () => {
  const ids = [
    ...['1', '0', '-7', '9007199254740993', '123456789012345678901234567890', '1.0', '1.50', '1e3', '-0'],
    ...['"x"', '""', '"\\u00e9\\n\\"\\\\"', '"é"', '"1"', 'null', 'true'],
  ]
  for (const id of ids) {
    it(`come back byte for byte: ${id}`, async (t) => {
      const { gate, nodes } = await elStage(t, 1, quiet)
      const answer = await gate.post(gasPrice(id))
      assert.equal(answer.status, 200)
      assert.equal(answer.text, `{"jsonrpc":"2.0","id":${id},"result":"0x7"}`)
      nodes[0]!.answer('eth_gasPrice', { error: { code: 3, message: 'execution reverted', data: '0x' } })
      assert.ok((await gate.post(gasPrice(id))).text.startsWith(`{"jsonrpc":"2.0","id":${id},"error":{"code":3,`))
      await nodes[0]!.refuse()
      assert.ok((await gate.post(gasPrice(id))).text.startsWith(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32603,`))
    })
  }

  it('come back byte for byte in a batch, in order', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    const answer = await gate.post(`[${ids.map((id) => gasPrice(id)).join(' , ')}]`)
    const expected = ids.map((id) => `{"jsonrpc":"2.0","id":${id},"result":"0x7"}`)
    assert.equal(answer.text, `[${expected.join(',')}]`)
  })
})

describe('results', { concurrency: 8 }, () => {
  it('pass byte for byte, whatever is in them', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const texts = [
      'null',
      'false',
      '12345678901234567890.0',
      '{ "a" : 1.0, "a":2 ,"b":"\\u0041\\/" }',
      '[\n1e400 ]',
      '""',
    ]
    for (const text of texts) {
      nodes[0]!.answerText('eth_gasPrice', text)
      assert.equal((await gate.post(gasPrice('1'))).text, `{"jsonrpc":"2.0","id":1,"result":${text}}`)
    }
  })

  it('are given for params of any shape, which reach the upstream byte for byte', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.answer('eth_call', '0x1')
    for (const params of ['[ ]', '{"x": 1.0}', '["\\u0041",1e2,12345678901234567890]']) {
      await gate.post(`{"params":${params},"id":1,"method":"eth_call","jsonrpc":"2.0"}`)
      assert.ok(nodes[0]!.callsOf('eth_call').at(-1)!.body.includes(`"params":${params}`))
    }
  })
})

describe('batches', { concurrency: 8 }, () => {
  it('are served member by member, and a bad member spoils no other', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const members = [
      gasPrice('1'),
      '5',
      '{"jsonrpc":"2.0","id":"no-method"}',
      gasPrice('"two"'),
      '{"jsonrpc":"2.0","id":4,"method":7}',
      '{"jsonrpc":"2.0","id":5,"method":"no_such"}',
      '[]',
      'null',
      gasPrice('9'),
    ]
    const answer = await gate.post(`[${members.join(',')}]`)
    assert.equal(answer.status, 200)
    type Member = { id: unknown; result?: string; error?: { code: number } }
    const seen = answer.json.map(({ id, result, error }: Member) => [id, result ?? error?.code])
    assert.deepEqual(seen, [
      [1, '0x7'],
      [null, -32600],
      ['no-method', -32600],
      ['two', '0x7'],
      [4, -32600],
      [5, -32601],
      [null, -32600],
      [null, -32600],
      [9, '0x7'],
    ])
    assert.equal(nodes[0]!.callsOf('eth_gasPrice').length, 3)
  })

  it('are answered in order although the first member takes longest', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.delay('debug_traceTransaction', 100)
    const body = `[{"jsonrpc":"2.0","id":1,"method":"debug_traceTransaction","params":["0x1"]},${gasPrice('2')}]`
    const answer = await gate.post(body)
    assert.deepEqual(
      answer.json.map(({ id }: { id: number }) => id),
      [1, 2],
    )
    const order = nodes[0]!.calls.map(({ method }) => method).filter((name) => /Price|trace/.test(name))
    assert.deepEqual(order.sort(), ['debug_traceTransaction', 'eth_gasPrice'])
  })

  it('go to different upstreams where a member needs another', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.answer('eth_gasPrice', { error: { code: -32603, message: 'MDBX_PANIC' } })
    nodes[1]!.answer('eth_gasPrice', '0xb')
    nodes[0]!.answer('eth_call', '0xa')
    const answer = await gate.post(`[{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]},${gasPrice('2')}]`)
    assert.deepEqual(
      answer.json.map(({ result }: { result: string }) => result),
      ['0xa', '0xb'],
    )
  })

  it('leave notifications out of the answer; of nothing else the answer is empty', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const notification = '{"jsonrpc":"2.0","method":"eth_gasPrice"}'
    const mixed = await gate.post(`[${notification},${gasPrice('1')},${notification}]`)
    assert.equal(mixed.text, '[{"jsonrpc":"2.0","id":1,"result":"0x7"}]')
    const only = await gate.post(`[${notification},${notification}]`)
    assert.deepEqual([only.status, only.text], [204, ''])
    const single = await gate.post(notification)
    assert.deepEqual([single.status, single.text], [204, ''])
    await until(() => nodes[0]!.callsOf('eth_gasPrice').length === 6)
  })

  it('of no member are refused', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    const { json } = await gate.post('[]')
    assert.deepEqual([json.id, json.error.code], [null, -32600])
  })
})

describe('requests that are refused', { concurrency: 8 }, () => {
  const refused = (answer: HttpAnswer) => [answer.status, answer.json.jsonrpc, answer.json.id, answer.json.error.code]

  it('because they are not JSON: 400, -32700, id null', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const seen = nodes[0]!.requests.length
    for (const body of ['', '{', 'nonsense', '{"id":1,}', `${gasPrice('1')}x`, '[1,', `[${gasPrice('1')}`]) {
      assert.deepEqual(refused(await gate.post(body)), [400, '2.0', null, -32700], body)
    }
    assert.equal(nodes[0]!.requests.length, seen)
  })

  it('because they are no calls: -32600 with the id where it can be told', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    for (const [body, id] of [
      ['7', null],
      ['"x"', null],
      ['{}', null],
      ['{"jsonrpc":"2.0","id":3}', 3],
    ] as const) {
      const { json } = await gate.post(body)
      assert.deepEqual([json.id, json.error.code], [id, -32600], body)
    }
  })

  it('because the body is too large: 413, even when no length was announced', async (t) => {
    const { gate } = await elStage(t, 1, { ...quiet, limits: { maxBodyBytes: 1000 } })
    const body = gasPrice(`"${'x'.repeat(1000)}"`)
    assert.deepEqual(refused(await gate.post(body)), [413, '2.0', null, -32600])
    const head = 'POST /el HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
    const chunked = `${head}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    assert.match(await exchangeBytes(gate, chunked), /^HTTP\/1\.1 413 [\s\S]*"code":-32600/)
    assert.equal((await gate.post(gasPrice('1'))).status, 200)
  })

  it('because a compressed body unfolds beyond the limit: 413', async (t) => {
    const { gate } = await elStage(t, 1, { ...quiet, limits: { maxBodyBytes: 100_000 } })
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '))
    assert.ok(bomb.length < 100_000)
    assert.deepEqual(refused(await gate.post(bomb, ['content-encoding', 'gzip'])), [413, '2.0', null, -32600])
  })

  it('because the batch holds too many calls: 413', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { ...quiet, limits: { maxBatch: 3 } })
    const batch = (size: number): string => `[${Array.from({ length: size }, (_, n) => gasPrice(String(n))).join(',')}]`
    assert.deepEqual(refused(await gate.post(batch(4))), [413, '2.0', null, -32600])
    assert.equal(nodes[0]!.callsOf('eth_gasPrice').length, 0)
    assert.equal((await gate.post(batch(3))).json.length, 3)
  })

  it('because their type is not JSON: 415', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      assert.equal((await gate.post(gasPrice('1'), ['content-type', type])).status, 415)
    }
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON']) {
      assert.equal((await gate.post(gasPrice('1'), ['content-type', type])).status, 200)
    }
  })

  it('because they are no POST: 405 with Allow', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await gate.send('/el', { method })
      assert.equal(answer.status, 405)
      assert.match(answer.header('allow') ?? '', /POST/)
    }
  })

  it('because nothing is there: 404 with a hint', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    for (const path of ['/nope', '/el/nope', '/eth/v1/node/version', '/%2e%2e/el']) {
      const answer = await gate.send(path, {
        method: 'POST',
        headers: ['content-type', 'application/json'],
        body: '{}',
      })
      assert.equal(answer.status, 404)
      assert.match(answer.text, /POST \/el.*\/health/)
    }
    assert.equal((await gate.post(gasPrice('1'), [], '/el/')).status, 200)
    assert.equal((await gate.post(gasPrice('1'), [], '/')).status, 200)
  })

  it('because the client asks too much: 429 with Retry-After', async (t) => {
    const perClient = { requestsPerSecond: 1, burst: 3 }
    const { gate } = await elStage(t, 1, { ...quiet, limits: { perClient } })
    const answers = []
    for (let n = 0; n < 5; n++) answers.push(await gate.post(gasPrice('"me"')))
    assert.deepEqual(
      answers.slice(0, 3).map(({ status }) => status),
      [200, 200, 200],
    )
    assert.deepEqual(refused(answers[4]!), [429, '2.0', 'me', -32005])
    assert.match(answers[4]!.header('retry-after') ?? '', /^[1-9]\d*$/)
    assert.equal((await gate.send('/health')).status, 200)
  })

  it('and count all the same: the limit is asked before a body is decoded, or even read', async (t) => {
    const perClient = { requestsPerSecond: 0.001, burst: 6 }
    const { gate, nodes } = await elStage(t, 1, { ...quiet, limits: { perClient } })
    const bad = [
      await gate.post('not JSON'),
      await gate.post('{}'),
      await gate.post(gasPrice('1'), ['content-type', 'text/plain']),
      await gate.send('/el'),
      await gate.send('/nowhere'),
      await gate.post(Buffer.from('no gzip'), ['content-encoding', 'gzip']),
    ]
    assert.deepEqual(
      bad.map(({ status }) => status),
      [400, 200, 415, 405, 404, 400],
    )
    const bomb = gzipSync(Buffer.alloc(5_000_000, ' '))
    for (const answer of [
      await gate.post(gasPrice('1')),
      await gate.post(bomb, ['content-encoding', 'gzip']),
      await gate.send('/nowhere'),
    ]) {
      assert.equal(answer.status, 429)
    }
    const unread = 'POST /el HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n'
    assert.match(await exchangeBytes(gate, unread), /^HTTP\/1\.1 429 [\s\S]*Connection: close/)
    assert.equal(nodes[0]!.callsOf('eth_gasPrice').length, 0)
  })

  const atTheFront: [what: string, bytes: string, status: number][] = [
    ['a method that is never served', 'TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 405],
    ['a foreign Host', 'GET /el HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n', 403],
    ['what is no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n', 400],
    ['a head that is too large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`, 431],
    ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n', 417],
  ]
  for (const [what, bytes, status] of atTheFront) {
    it(`before they reach a door, and count as well: ${what}`, async (t) => {
      const perClient = { requestsPerSecond: 0.001, burst: 2 }
      const { gate } = await elStage(t, 1, { ...quiet, limits: { perClient } })
      for (const expected of [status, status, 429]) {
        assert.equal(Number((await exchangeBytes(gate, bytes)).slice(9, 12)), expected)
      }
      assert.equal((await gate.post(gasPrice('1'))).status, 429)
      assert.equal((await gate.send('/health')).status, 200)
    })
  }
})

describe('content codings', { concurrency: 8 }, () => {
  it('of requests are undone', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    for (const [coding, encode] of [
      ['gzip', gzipSync],
      ['br', brotliCompressSync],
    ] as const) {
      const answer = await gate.post(encode(Buffer.from(gasPrice('1'))), ['content-encoding', coding])
      assert.equal(answer.json.result, '0x7')
    }
    for (const call of nodes[0]!.callsOf('eth_gasPrice')) {
      assert.deepEqual(seenHeader(call.headers, 'content-encoding'), [])
      assert.match(call.body, /eth_gasPrice/)
    }
  })

  it('of requests that are broken or unknown are refused', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    for (const coding of ['gzip', 'br', 'exotic']) {
      const answer = await gate.post(gasPrice('1'), ['content-encoding', coding])
      assert.ok(answer.status === 400 || answer.status === 415, `${coding}: ${answer.status}`)
      assert.ok(answer.json.error.code < 0)
    }
  })

  it('of answers follow what the client takes', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const long = '0x'.padEnd(20_000, 'ab')
    nodes[0]!.answer('eth_gasPrice', long)
    const undone = { gzip: gunzipSync, br: brotliDecompressSync } as const
    for (const coding of ['gzip', 'br'] as const) {
      const answer = await gate.post(gasPrice('1'), ['accept-encoding', coding])
      assert.equal(answer.header('content-encoding'), coding)
      assert.match(answer.all('vary').join(), /accept-encoding/i)
      assert.ok(answer.body.length < 5000)
      assert.equal(JSON.parse(undone[coding](answer.body).toString()).result, long)
    }
    for (const accept of [[], ['accept-encoding', 'identity'], ['accept-encoding', 'gzip;q=0']]) {
      const plain = await gate.post(gasPrice('1'), accept)
      assert.equal(plain.header('content-encoding'), undefined)
      assert.equal(plain.json.result, long)
    }
  })

  it('of an upstream that compresses unasked are undone', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.extraHeaders = ['content-encoding', 'gzip']
    nodes[0]!.rawBody('eth_gasPrice', ({ rawId }) => gzipSync(`{"jsonrpc":"2.0","id":${rawId},"result":"0x9"}`))
    const answer = await gate.post(gasPrice('3'))
    assert.equal(answer.text, '{"jsonrpc":"2.0","id":3,"result":"0x9"}')
    assert.equal(answer.header('content-encoding'), undefined)
  })
})

describe('request headers', { concurrency: 8 }, () => {
  it('pass on where a call means something by them: not what is between us and the client, nor what is secret', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await gate.post(gasPrice('1'), [
      ...['Authorization', 'Bearer s3cret', 'Cookie', 'a=s3cret', 'Connection', 'keep-alive, X-Hop', 'X-Hop', '1'],
      ...['Keep-Alive', 'timeout=5', 'Proxy-Authorization', 'Basic s3cret', 'TE', 'trailers'],
      ...['X-Request-Id', 'req-42', 'traceparent', traceparent, 'tracestate', 'a=b', 'X-Own', 'one'],
      ...['User-Agent', 'curl/8', 'Eth-Own', 'one', 'Eth-Own', 'two'],
    ])
    const { headers } = nodes[0]!.callsOf('eth_gasPrice')[0]!
    assert.doesNotMatch(headers.join('\n'), /s3cret/)
    for (const name of ['authorization', 'cookie', 'x-hop', 'keep-alive', 'proxy-authorization', 'te']) {
      assert.deepEqual(seenHeader(headers, name), [], name)
    }
    assert.deepEqual(seenHeader(headers, 'x-request-id'), ['req-42'])
    assert.deepEqual(seenHeader(headers, 'traceparent'), [traceparent])
    assert.deepEqual(seenHeader(headers, 'tracestate'), ['a=b'])
    assert.deepEqual(seenHeader(headers, 'eth-own'), ['one', 'two'])
    assert.deepEqual(seenHeader(headers, 'x-own'), [])
    for (const seen of [headers, nodes[0]!.callsOf('eth_chainId')[0]!.headers])
      assert.deepEqual(seenHeader(seen, 'user-agent'), ['drawbridge/1.2.3-test'])
    assert.deepEqual(seenHeader(headers, 'host'), [`127.0.0.1:${nodes[0]!.port}`])
  })

  it('that are secret pass on to the upstream that opted in, and to no other', async (t) => {
    const { gate, nodes } = await elStage(t, 2, {
      ...quiet,
      upstreams: [{ passHeaders: ['authorization', 'cookie'] }],
      directives: { upstream: true },
    })
    const secret = ['Authorization', 'Bearer mine', 'Cookie', 'a=b']
    for (const name of ['a', 'b']) await gate.post(gasPrice('1'), [...secret, 'X-Drawbridge-Upstream', name])
    const [a, b] = nodes.map((node) => node.callsOf('eth_gasPrice')[0]!.headers)
    assert.deepEqual([seenHeader(a!, 'authorization'), seenHeader(a!, 'cookie')], [['Bearer mine'], ['a=b']])
    assert.deepEqual([seenHeader(b!, 'authorization'), seenHeader(b!, 'cookie')], [[], []])
  })

  it('of an upstream of ours replace those of the client', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { ...quiet, upstreams: [{ headers: { 'X-Api-Key': 'ours' } }] })
    const answer = await gate.post(gasPrice('1'), ['x-api-key', 'theirs'])
    const { headers } = nodes[0]!.callsOf('eth_gasPrice')[0]!
    assert.deepEqual(seenHeader(headers, 'x-api-key'), ['ours'])
    assert.doesNotMatch(answer.rawHeaders.join('\n'), /ours/)
    assert.deepEqual(seenHeader(nodes[0]!.callsOf('eth_chainId')[0]!.headers, 'x-api-key'), ['ours'], 'probes too')
  })

  it('name the request: X-Request-Id is made when there is none, and comes back', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const made = (await gate.post(gasPrice('1'))).header('x-request-id') ?? ''
    assert.match(made, /^[\w-]{8,}$/)
    assert.deepEqual(seenHeader(nodes[0]!.callsOf('eth_gasPrice')[0]!.headers, 'x-request-id'), [made])
    assert.equal((await gate.post(gasPrice('1'), ['x-request-id', 'mine'])).header('x-request-id'), 'mine')
    const long = 'x'.repeat(5000)
    assert.notEqual((await gate.post(gasPrice('1'), ['x-request-id', long])).header('x-request-id'), long)
  })
})

describe('response headers', { concurrency: 8 }, () => {
  it('survive, repeated ones included, but for those between us and the upstream', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.extraHeaders = [
      ...['Set-Cookie', 'a=1', 'X-Vendor', 'yes', 'X-Vendor', 'no', 'Connection', 'X-Private', 'X-Private', 'no'],
      ...['Access-Control-Allow-Origin', '*', 'X-Request-Id', 'theirs'],
    ]
    const answer = await gate.post(gasPrice('1'), ['x-request-id', 'mine'])
    assert.deepEqual(answer.all('set-cookie'), [], 'unless asked for')
    assert.deepEqual(answer.all('x-vendor'), ['yes', 'no'])
    assert.deepEqual(answer.all('x-private'), [])
    assert.deepEqual(answer.all('access-control-allow-origin'), [])
    assert.deepEqual(answer.all('x-request-id'), ['mine'])
    assert.deepEqual(answer.all('content-type'), ['application/json'])
    assert.deepEqual(answer.all('content-length'), [String(answer.body.length)])
  })

  it('say who answered, how many were asked and at which head', async (t) => {
    const { gate } = await elStage(t, 2, quiet)
    const answer = await gate.post(gasPrice('1'))
    const seen = ['upstream', 'attempts', 'head'].map((name) => answer.header(`x-drawbridge-${name}`))
    assert.deepEqual(seen, ['a', '1', '100'])
  })
})

describe('CORS', { concurrency: 8 }, () => {
  const preflight = {
    method: 'OPTIONS',
    headers: ['origin', 'https://dapp.example', 'access-control-request-method', 'POST'],
  }

  it('is off by default', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    const answer = await gate.post(gasPrice('1'), ['origin', 'https://dapp.example'])
    assert.doesNotMatch(answer.rawHeaders.join('\n'), /access-control/i)
    const refused = await gate.send('/el', preflight)
    assert.ok(refused.status >= 400)
    assert.doesNotMatch(refused.rawHeaders.join('\n'), /access-control/i)
  })

  it('lets configured origins read answers, and no other', async (t) => {
    const { gate } = await elStage(t, 1, { ...quiet, cors: { origins: ['https://dapp.example'] } })
    const answer = await gate.post(gasPrice('1'), ['origin', 'https://dapp.example'])
    assert.equal(answer.header('access-control-allow-origin'), 'https://dapp.example')
    assert.match(answer.all('vary').join(), /origin/i)
    const asked = await gate.send('/el', preflight)
    assert.equal(asked.status, 204)
    assert.match(asked.header('access-control-allow-methods') ?? '', /POST/)
    const other = await gate.post(gasPrice('1'), ['origin', 'https://evil.example'])
    assert.equal(other.header('access-control-allow-origin'), undefined)
    const bad = await gate.post('{', ['origin', 'https://dapp.example'])
    assert.equal(bad.header('access-control-allow-origin'), 'https://dapp.example', 'on errors, too')
  })

  it('can be open to all', async (t) => {
    const { gate } = await elStage(t, 1, { ...quiet, cors: { origins: ['*'] } })
    const answer = await gate.post(gasPrice('1'), ['origin', 'https://any.example'])
    assert.equal(answer.header('access-control-allow-origin'), '*')
  })

  it('does not open a hole for pages that leave the content type out', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const body = gasPrice('1')
    const answer = await gate.send('/el', { method: 'POST', headers: ['origin', 'https://evil.example'], body })
    assert.equal(answer.status, 415)
    assert.equal(nodes[0]!.callsOf('eth_gasPrice').length, 0)
  })
})

describe('the control routes', { concurrency: 8 }, () => {
  const secret = 's3cr3tK3y'

  it('show the state of networks and upstreams', async (t) => {
    const { gate } = await elStage(t, 2, quiet)
    const { version, networks } = (await gate.send('/status')).json
    assert.equal(version, '1.2.3-test')
    assert.deepEqual([networks.el.kind, networks.el.chainId, networks.el.head.number], ['evm', 1337, 100])
    assert.deepEqual(
      networks.el.upstreams.map(({ name }: { name: string }) => name),
      ['a', 'b'],
    )
    assert.match((await gate.send('/metrics')).header('content-type') ?? '', /^text\/plain/)
  })

  it('count calls and attempts', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    for (let n = 0; n < 3; n++) await gate.post(gasPrice('1'))
    await gate.call('made_up_by_a_client_1')
    assert.equal(await gate.metric('calls_total', { network: 'el', method: 'eth_gasPrice', outcome: 'ok' }), 3)
    assert.equal(await gate.metric('attempts_total', { upstream: 'a', outcome: 'ok' }), 3)
    assert.equal(await gate.metric('calls_total', { method: 'other' }), 1)
    assert.equal(await gate.metric('upstream_head', { upstream: 'a' }), 100)
  })

  it('show no secret anywhere, nor does the log, nor does any answer', async (t) => {
    const { nodes } = await elStage(t, 1, quiet)
    const { port } = nodes[0]!
    const url = `http://user:${secret}@127.0.0.1:${port}/v2/${secret}?key=${secret}`
    const down = `http://user:${secret}@127.0.0.1:1/v2/${secret}?key=${secret}`
    const upstreams = [{ headers: { 'X-Key': secret } }]
    const gate = await openGate(t, optionsFor([url, down], { upstreams, probe: { maxFailures: 1 } }))
    await until(() => gate.upstream('a').eligible && gate.upstream('b').lastError !== null)
    nodes[0]!.answer('eth_call', { error: { code: -32603, message: `invalid json response from ${url}` } })
    const texts = [JSON.stringify(gate.lines), JSON.stringify(gate.gateway.snapshot())]
    for (const path of ['/status', '/metrics', '/ready', '/nope']) texts.push((await gate.send(path)).text)
    for (const method of ['eth_gasPrice', 'eth_call', 'no_such']) {
      const answer = await gate.call(method)
      texts.push(answer.text, answer.rawHeaders.join('\n'))
    }
    texts.push(JSON.stringify(gate.lines), JSON.stringify(gate.gateway.snapshot()))
    for (const text of texts) assert.ok(!text.includes(secret), text)
    const seen = nodes[0]!.requests.at(-1)!
    assert.equal(seen.target, `/v2/${secret}?key=${secret}`)
    const basic = `Basic ${Buffer.from(`user:${secret}`).toString('base64')}`
    assert.deepEqual(seenHeader(seen.headers, 'authorization'), [basic])
  })

  it('are read with GET', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    for (const path of ['/health', '/ready', '/status', '/metrics']) {
      assert.equal((await gate.send(path, { method: 'POST', body: '{}' })).status, 405)
      const head = await gate.send(path, { method: 'HEAD' })
      assert.deepEqual([head.status, head.text], [200, ''])
    }
  })
})

describe('two networks', () => {
  it('live side by side: the root belongs to the default one of each kind', async (t) => {
    const el = await elStage(t, 1, quiet)
    const cl = await clStage(t, 1, quiet)
    const elOptions = optionsFor([el.nodes[0]!.url])
    const clOptions = optionsFor([cl.nodes[0]!.url], { kind: 'beacon' })
    const gate = await openGate(t, { ...elOptions, networks: [...elOptions.networks, ...clOptions.networks] })
    await until(async () => (await gate.send('/ready')).status === 200)
    assert.equal((await gate.post(gasPrice('1'), [], '/')).json.result, '0x7')
    assert.equal((await gate.send('/eth/v1/node/version')).json.data.version, 'Fake/v1.0.0')
    assert.equal((await gate.send('/cl/eth/v1/node/version')).json.data.version, 'Fake/v1.0.0')
  })
})

describe('clients that misbehave', { concurrency: 8 }, () => {
  it('get 431 for a huge head, and 400 for what is no HTTP', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    assert.match(
      await exchangeBytes(gate, `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`),
      /^HTTP\/1\.1 431/,
    )
    assert.match(await exchangeBytes(gate, '\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n'), /^HTTP\/1\.1 400/)
    assert.equal((await gate.send('/health')).status, 200)
  })

  it('cannot smuggle a request past us', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const body = gasPrice('1')
    const head = 'POST /el HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
    const both = `${head}Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${body}`
    assert.match(await exchangeBytes(gate, both), /^HTTP\/1\.1 400/)
    assert.equal(nodes[0]!.callsOf('eth_gasPrice').length, 0)
  })

  it('may pipeline: the answers come in order', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    const one = (id: number): string => {
      const body = gasPrice(String(id))
      return `POST /el HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    }
    const seen = await exchangeBytes(gate, `${one(1)}${one(2)}${one(3)}`, (text) => text.includes('"id":3'))
    assert.deepEqual(seen.match(/"id":\d/g), ['"id":1', '"id":2', '"id":3'])
  })

  it('that leave in the middle of a body cost nobody anything', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    const { hostname, port } = new URL(gate.url)
    const head =
      'POST /el HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"jsonrpc"'
    for (let n = 0; n < 20; n++) {
      const socket = connect(Number(port), hostname, () => socket.write(head, () => socket.destroy()))
    }
    assert.equal((await gate.post(gasPrice('1'))).json.result, '0x7')
    assert.equal(nodes[0]!.callsOf('eth_gasPrice').length, 1)
  })
})
