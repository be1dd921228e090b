import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { upstreamNames } from '../../src/config/resolve.ts'
import { until } from '../fake/until.ts'
import { clStage, elStage, type Gate, openGate, optionsFor, settled, uniqueParams } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const method = 'eth_getBalance'
const key = 's3cr3tK3y9f8e7d6c'
/** Every place of a config that may hold a key. */
const secrets = { header: `${key}H`, user: `${key}U`, password: `${key}P`, segment: `${key}S`, query: `${key}Q` }
const all = Object.values(secrets)
const basic = Buffer.from(`${secrets.user}:${secrets.password}`).toString('base64')
const echo = `no plan for ${all.join(' ')} ${basic} at https:\\/\\/rpc.example\\/v2\\/${secrets.segment}`

function withSecrets(url: string): { url: string; headers: Record<string, string> } {
  const { port } = new URL(url)
  const { user, password, segment, query, header } = secrets
  return {
    url: `http://${user}:${password}@127.0.0.1:${port}/v2/${segment}?apikey=${query}`,
    headers: { 'X-Key': header, Authorization2: `Bearer ${header}` },
  }
}

function assertHidden(text: string, where: string): void {
  for (const secret of [key, basic]) assert.ok(!text.includes(secret), `${where}: ${text.slice(0, 400)}`)
}

async function assertNothingShows(gate: Gate): Promise<void> {
  for (const path of ['/ready', '/status', '/metrics', '/health']) {
    const answer = await gate.send(path)
    assertHidden(answer.text + answer.rawHeaders.join('\n'), path)
  }
  assertHidden(JSON.stringify(gate.lines), 'the log')
}

describe('a secret of the config that an upstream repeats', { concurrency: 6 }, () => {
  for (const [what, code] of [
    ['an error of the caller', -32602],
    ['a revert', 3],
    ['an error that no rule knows', -32099],
  ] as const) {
    it(`in ${what} does not reach the client`, async (t) => {
      const { nodes } = await elStage(t, 1, quiet)
      const gate = await openGate(t, optionsFor([nodes[0]!.url], { ...quiet, upstreams: [withSecrets(nodes[0]!.url)] }))
      await settled(gate)
      nodes[0]!.extraHeaders = ['X-Seen', secrets.header, 'Location', `/v2/${secrets.segment}?k=${secrets.query}`]
      nodes[0]!.answer(method, { error: { code, message: echo, data: { you: secrets.query } } })
      const answer = await gate.call(method, uniqueParams())
      assert.equal(answer.json.error.code, code)
      assert.match(answer.json.error.message, /^no plan for \*\*\*/)
      assertHidden(answer.text, 'the body')
      assertHidden(answer.rawHeaders.join('\n'), 'the headers')
      assert.equal(answer.header('x-seen'), '***')
      await assertNothingShows(gate)
    })
  }

  it('in a result is the answer, and passes', async (t) => {
    const { nodes } = await elStage(t, 1, quiet)
    const gate = await openGate(t, optionsFor([nodes[0]!.url], { ...quiet, upstreams: [withSecrets(nodes[0]!.url)] }))
    await settled(gate)
    nodes[0]!.answer(method, secrets.query)
    assert.equal((await gate.call(method, uniqueParams())).json.result, secrets.query)
  })

  it('to a probe is in no reason, status or log line', async (t) => {
    const { nodes } = await elStage(t, 1, quiet)
    const probe = { intervalMs: 60, maxFailures: 1 }
    const gate = await openGate(t, optionsFor([nodes[0]!.url], { probe, upstreams: [withSecrets(nodes[0]!.url)] }))
    await settled(gate)
    nodes[0]!.answer('eth_blockNumber', { error: { code: -32600, message: echo } })
    await until(() => !gate.upstream('a').eligible)
    assert.match(gate.upstream('a').reason ?? '', /no plan for \*\*\*/)
    await assertNothingShows(gate)
  })

  it('to a probe is in no mark of an answer that it gives all the same, be it whole or cut off', async (t) => {
    const probes = ['eth_blockNumber', 'eth_chainId', 'eth_syncing', 'eth_getBlockByNumber']
    for (const [n, fill] of [0, 30, 60, 66].entries()) {
      const { nodes } = await elStage(t, 1, quiet)
      const gate = await openGate(t, optionsFor([nodes[0]!.url], { upstreams: [withSecrets(nodes[0]!.url)] }))
      await until(() => gate.status.upstreams[0]!.eligible)
      const message = `${'x'.repeat(fill)} ${n % 2 === 0 ? '' : '/'}${key}S ${basic}`
      for (const name of probes) nodes[0]!.answer(name, { error: { code: -32600, message } })
      await until(() => !gate.status.upstreams[0]!.eligible)
      const answer = await gate.call(method, uniqueParams())
      assert.match(answer.json.result, /^0x/)
      assert.notEqual(answer.header('x-drawbridge-stale'), undefined)
      for (const text of [answer.rawHeaders.join('\n'), JSON.stringify(gate.status), JSON.stringify(gate.lines)]) {
        for (const secret of [key.slice(0, 6), basic.slice(0, 8)]) assert.ok(!text.includes(secret), text)
      }
    }
  })

  it('in an error of a beacon node does not reach the client', async (t) => {
    const { nodes } = await clStage(t, 1, quiet)
    const gate = await openGate(
      t,
      optionsFor([nodes[0]!.url], { ...quiet, kind: 'beacon', upstreams: [{ headers: { 'X-Key': secrets.header } }] }),
    )
    await settled(gate)
    nodes[0]!.extraHeaders = ['X-Seen', secrets.header]
    nodes[0]!.status(400, { body: `{"code":400,"message":"bad ${secrets.header}"}`, headers: [] })
    const answer = await gate.send('/eth/v1/beacon/genesis')
    assert.deepEqual([answer.status, answer.text], [400, '{"code":400,"message":"bad ***"}'])
    assert.equal(answer.header('x-seen'), '***')
    const coded = gzipSync(`{"code":400,"message":"bad ${secrets.header}"}`)
    nodes[0]!.status(400, { body: coded, headers: ['content-encoding', 'gzip'] })
    const plain = await gate.send('/eth/v1/beacon/genesis', { headers: ['accept-encoding', 'gzip'] })
    assert.deepEqual([plain.status, plain.text], [400, '{"code":400,"message":"bad ***"}'])
  })

  it('in a host is in no name that is made from it', () => {
    const urls = [
      'https://k3yk3yk3yk3yk3yk3yk3y1.rpc.example/',
      'https://123e4567-e89b-12d3-a456-426614174000.rpc.example/',
    ]
    assert.deepEqual(upstreamNames(urls.map((url) => ({ url }))), ['rpc.example-443', 'rpc.example-443-2'])
  })
})

const forged = [
  ...['Strict-Transport-Security', 'max-age=1', 'Alt-Svc', 'h3=":443"', 'NEL', '{}', 'Report-To', '{}'],
  ...['Reporting-Endpoints', 'a="b"', 'Clear-Site-Data', '"*"', 'Public-Key-Pins', 'x', 'Set-Cookie', 'a=1'],
  ...['Access-Control-Allow-Private-Network', 'true', 'X-Drawbridge-Upstream', 'forged', 'X-Drawbridge-Stale', '9'],
  ...['X-Drawbridge-Anything', '1', 'Retry-After', '77', 'Content-Security-Policy', 'x', 'X-Accel-Redirect', '/etc'],
]
const forgedNames = forged.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())

describe('headers that are not for an upstream to send', { concurrency: 6 }, () => {
  it('end here: those that speak for an origin, and those that are ours', async (t) => {
    const el = await elStage(t, 1, quiet)
    const cl = await clStage(t, 1, quiet)
    for (const node of [...el.nodes, ...cl.nodes]) node.extraHeaders = [...forged, 'X-Vendor', 'yes']
    for (const answer of [await el.gate.call(method, uniqueParams()), await cl.gate.send('/eth/v1/beacon/genesis')]) {
      const passed = forgedNames.filter((name) => answer.header(name) !== undefined)
      assert.deepEqual(passed, ['x-drawbridge-upstream'])
      assert.deepEqual(answer.all('x-drawbridge-upstream'), ['a'])
      assert.equal(answer.header('x-vendor'), 'yes')
    }
  })

  it('may set cookies where the cookies of clients are passed on', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { ...quiet, upstreams: [{ passHeaders: ['cookie'] }] })
    nodes[0]!.extraHeaders = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']
    assert.deepEqual((await gate.call(method, uniqueParams())).all('set-cookie'), ['a=1', 'b=2'])
  })
})
