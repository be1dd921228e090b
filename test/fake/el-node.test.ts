import assert from 'node:assert/strict'
import { Agent, type IncomingMessage, request } from 'node:http'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { echoOf, type FakeElNode, RpcFault, startFakeElNode } from './el-node.ts'
import { Collected, collect, until } from './until.ts'

const agent = new Agent({ keepAlive: true })
after(() => agent.destroy())

interface Response {
  status: number
  headers: string[]
  body: string
}

function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return new Promise((resolve, reject) => {
    const all = { 'content-type': 'application/json', ...headers }
    const sent = request(url, { method: 'POST', agent, headers: all }, (message: IncomingMessage) => {
      collect(message).then(
        (bytes) => resolve({ status: message.statusCode ?? 0, headers: message.rawHeaders, body: String(bytes) }),
        reject,
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const call = (method: string, params: unknown = [], id: string = '1'): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${JSON.stringify(params)}}`

describe('the fake execution client', () => {
  let node: FakeElNode
  beforeEach(async () => {
    node = await startFakeElNode({ height: 10, chainId: 7 })
  })
  afterEach(() => node.close())
  const ask = async (method: string, params: unknown = []): Promise<Record<string, unknown>> =>
    JSON.parse((await post(node.url, call(method, params))).body)
  const result = async (method: string, params: unknown = []): Promise<unknown> => (await ask(method, params))['result']

  it('answers what a gateway asks of every node', async () => {
    assert.equal(await result('eth_chainId'), '0x7')
    assert.equal(await result('eth_blockNumber'), '0xa')
    assert.equal(await result('eth_syncing'), false)
    const latest = (await result('eth_getBlockByNumber', ['latest', false])) as { hash: string; parentHash: string }
    assert.equal(latest.hash, node.chain.block(10).hash)
    assert.deepEqual(await result('eth_getBlockByHash', [latest.parentHash, false]), node.chain.block(9))
    assert.equal(((await result('eth_getBlockByNumber', ['finalized', false])) as { number: string }).number, '0x6')
    assert.equal(await result('eth_getBlockByNumber', ['0xb', false]), null)
    assert.deepEqual((await ask('eth_nothing'))['error'], {
      code: -32601,
      message: 'the method eth_nothing does not exist/is not available',
    })
  })

  it('agrees with its like on every hash until a reorg takes it elsewhere', async () => {
    const other = await startFakeElNode({ height: 10 })
    assert.equal(other.chain.block(9).hash, node.chain.block(9).hash)
    node.reorg(2)
    assert.notEqual(other.chain.block(9).hash, node.chain.block(9).hash)
    assert.equal(other.chain.block(8).hash, node.chain.block(8).hash)
    assert.equal(node.chain.block(9).parentHash, node.chain.block(8).hash)
    assert.deepEqual(node.chain.byHash(other.chain.block(9).hash), other.chain.block(9), 'replaced blocks stay known')
    await other.close()
  })

  it('echoes the params of eth_call, but not past its head', async () => {
    const params = [{ to: '0x01', data: '0xff' }, '0xa']
    assert.equal(await result('eth_call', params), echoOf('eth_call', params))
    assert.deepEqual((await ask('eth_call', [{}, '0xb']))['error'], { code: -32000, message: 'header not found' })
  })

  it('logs every call with its raw headers and body', async () => {
    const body = call('eth_chainId', [], '12345678901234567890.5')
    const answer = await post(node.url, body, { 'X-Odd': 'Yes' })
    assert.equal(answer.body, '{"jsonrpc":"2.0","id":12345678901234567890.5,"result":"0x7"}')
    const [seen] = node.callsOf('eth_chainId')
    assert.equal(seen?.body, body)
    assert.equal(seen?.rawId, '12345678901234567890.5')
    assert.equal(seen?.headers[seen.headers.indexOf('X-Odd') + 1], 'Yes')
    assert.equal(node.connections, 1)
  })

  it('answers batches, keeping silent on notifications', async () => {
    const batch = `[${call('eth_chainId', [], '"a"')},{"jsonrpc":"2.0","method":"eth_blockNumber"},${call('no')}]`
    const answers = JSON.parse((await post(node.url, batch)).body) as { id: unknown }[]
    assert.deepEqual(
      answers.map(({ id }) => id),
      ['a', 1],
    )
    assert.deepEqual(
      node.calls.map(({ batch }) => batch),
      [3, 3, 3],
    )
  })

  it('takes raw transactions and names them', async () => {
    assert.match(String(await result('eth_sendRawTransaction', ['0x02f8'])), /^0x[0-9a-f]{64}$/)
    assert.deepEqual(node.transactions, ['0x02f8'])
  })

  it('keeps filters of its own', async () => {
    const id = await result('eth_newBlockFilter')
    node.height = 12
    assert.deepEqual(await result('eth_getFilterChanges', [id]), [node.chain.block(11).hash, node.chain.block(12).hash])
    assert.deepEqual(await result('eth_getFilterChanges', [id]), [])
    assert.equal(await result('eth_uninstallFilter', [id]), true)
    assert.equal(
      ((await ask('eth_getFilterChanges', [id]))['error'] as { message: string }).message,
      'filter not found',
    )
  })

  it('follows scripts for results, errors and functions until they are forgotten', async () => {
    node.answer('eth_chainId', '0x1')
    assert.equal(await result('eth_chainId'), '0x1')
    node.answer('eth_chainId', { error: { code: 3, message: 'execution reverted', data: '0x08' } })
    assert.deepEqual((await ask('eth_chainId'))['error'], { code: 3, message: 'execution reverted', data: '0x08' })
    node.answer('eth_chainId', (params: unknown[]) => {
      throw new RpcFault(-32000, `no ${params.length}`)
    })
    assert.equal(((await ask('eth_chainId', [1]))['error'] as { message: string }).message, 'no 1')
    node.answerText('eth_chainId', '{"b" : 1.0 }')
    assert.equal((await post(node.url, call('eth_chainId'))).body, '{"jsonrpc":"2.0","id":1,"result":{"b" : 1.0 }}')
    node.forget('eth_chainId')
    assert.equal(await result('eth_chainId'), '0x7')
  })

  it('hangs and answers late', async () => {
    node.hang()
    const late = ask('eth_chainId')
    await until(() => node.calls.length === 1)
    const order: string[] = []
    void late.then(() => order.push('answered'))
    order.push('let go')
    node.unhang()
    await late
    assert.deepEqual(order, ['let go', 'answered'])
  })

  it('counts clients that went away before their answer', async () => {
    node.hang()
    const gone = request(node.url, { method: 'POST', headers: { 'content-type': 'application/json' } })
    gone.on('error', () => {})
    gone.end(call('eth_chainId'))
    await until(() => node.calls.length === 1)
    gone.destroy()
    await until(() => node.aborted === 1)
  })

  it('refuses and accepts again on its port', async () => {
    const { url } = node
    await node.refuse()
    await assert.rejects(ask('eth_chainId'), { code: 'ECONNREFUSED' })
    await node.accept()
    assert.equal(node.url, url)
    assert.equal(await result('eth_chainId'), '0x7')
  })

  it('resets connections, at once or at the next request', async () => {
    node.resetNext()
    await assert.rejects(ask('eth_chainId'), { code: 'ECONNRESET' })
    assert.equal(await result('eth_chainId'), '0x7')
    node.hang()
    const cut = assert.rejects(ask('eth_chainId'), { code: 'ECONNRESET' })
    await until(() => node.open > 0 && node.calls.length === 2)
    node.reset()
    await cut
  })

  it('answers with any status, headers and body, for a while or for all', async () => {
    node.status(429, { body: 'slow down', headers: ['Retry-After', '2'], times: 1 })
    const limited = await post(node.url, call('eth_chainId'))
    assert.deepEqual([limited.status, limited.body], [429, 'slow down'])
    assert.ok(limited.headers.includes('Retry-After'))
    assert.equal((await post(node.url, call('eth_chainId'))).status, 200)
    node.status(502)
    assert.equal((await post(node.url, call('eth_chainId'))).status, 502)
    assert.equal((await post(node.url, call('eth_chainId'))).status, 502)
    node.status(undefined)
    assert.equal((await post(node.url, call('eth_chainId'))).status, 200)
  })

  it('repeats response headers as told', async () => {
    node.extraHeaders = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']
    const { headers } = await post(node.url, call('eth_chainId'))
    assert.deepEqual(
      headers.filter((_, at) => headers[at - 1] === 'Set-Cookie'),
      ['a=1', 'b=2'],
    )
  })

  it('sends exact bytes, halves of answers and huge ones', async () => {
    node.rawBody('eth_chainId', '<html>', 'text/html')
    assert.equal((await post(node.url, call('eth_chainId'))).body, '<html>')
    node.forget('eth_chainId')
    node.cutNextAfter(5)
    await assert.rejects(ask('eth_chainId'))
    node.hugeResult('debug_traceBlockByNumber', 3_000_000)
    const huge = String(await result('debug_traceBlockByNumber'))
    assert.equal(huge.length, 3_000_000)
    assert.ok(huge.endsWith('abab'))
  })

  it('answers late when told to', async () => {
    node.delay('eth_call', 30)
    const order: string[] = []
    const slow = ask('eth_call', [{}]).then(() => order.push('slow'))
    await ask('eth_chainId').then(() => order.push('fast'))
    await slow
    assert.deepEqual(order, ['fast', 'slow'])
  })

  it('refuses a body that is not declared as JSON, as geth does', async () => {
    assert.equal((await post(node.url, call('eth_chainId'), { 'content-type': 'text/plain' })).status, 415)
  })
})

describe('the fake execution client over WebSocket', () => {
  let node: FakeElNode
  const opened: WebSocket[] = []
  beforeEach(async () => {
    node = await startFakeElNode({ height: 10 })
  })
  afterEach(async () => {
    for (const socket of opened.splice(0)) socket.terminate()
    await node.close()
  })
  const open = async (): Promise<{ socket: WebSocket; messages: Collected<{ [key: string]: unknown }> }> => {
    const socket = new WebSocket(node.wsUrl)
    opened.push(socket)
    socket.on('error', () => {})
    const messages = new Collected<{ [key: string]: unknown }>()
    socket.on('message', (data) => messages.push(JSON.parse(String(data))))
    await until(() => socket.readyState === WebSocket.OPEN)
    return { socket, messages }
  }

  it('answers calls and announces every new head', async () => {
    const { socket, messages } = await open()
    socket.send(call('eth_subscribe', ['newHeads'], '"s"'))
    const [{ result }] = (await messages.first(1)) as [{ result: string }]
    node.height = 12
    const [, first, second] = await messages.first(3)
    assert.deepEqual(first?.['params'], { subscription: result, result: node.chain.block(11) })
    assert.deepEqual(second?.['params'], { subscription: result, result: node.chain.block(12) })
    socket.send(call('eth_unsubscribe', [result]))
    assert.equal((await messages.first(4))[3]?.['result'], true)
    assert.equal(node.sockets.subscriptions(), 0)
    assert.equal(node.calls[0]?.transport, 'ws')
  })

  it('holds answers and heads back while it hangs', async () => {
    const { socket, messages } = await open()
    socket.send(call('eth_subscribe', ['newHeads']))
    await messages.first(1)
    node.hang()
    node.height = 11
    socket.send(call('eth_chainId', [], '2'))
    await until(() => node.callsOf('eth_chainId').length === 1)
    assert.equal(messages.items.length, 1)
    node.unhang()
    await messages.first(3)
  })

  it('cuts, closes and refuses connections', async () => {
    const codes = new Collected<number>()
    const first = await open()
    first.socket.on('close', codes.push)
    node.sockets.cut()
    assert.deepEqual(await codes.first(1), [1006])
    const second = await open()
    second.socket.on('close', codes.push)
    node.sockets.close(1013, 'later')
    assert.deepEqual(await codes.first(2), [1006, 1013])
    node.sockets.refuse(503)
    await assert.rejects(
      new Promise((_, reject) => new WebSocket(node.wsUrl).on('error', reject)),
      /Unexpected server response: 503/,
    )
    node.sockets.refuse(undefined)
    await open()
    assert.equal(node.sockets.accepted, 3)
  })
})
