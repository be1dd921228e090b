import assert from 'node:assert/strict'
import { request } from 'node:http'
import { describe, it } from 'node:test'
import { corsDefaults } from '../../src/gateway/ingress/options.ts'
import { clStage, elStage, openGate, optionsFor, send } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const call = '{"jsonrpc":"2.0","id":1,"method":"eth_gasPrice"}'
const json = ['content-type', 'application/json']
const prepare = '/eth/v1/validator/prepare_beacon_proposer'
const routes = ['/', '/el', '/health', '/ready', '/status', '/metrics', '/nowhere']

/** A request under a name: `node:http` takes the first host it is given. */
async function named(url: string, host: string, path = '/el') {
  const { hostname, port } = new URL(url)
  return await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { host, 'content-type': 'application/json' }
    const method = path === '/el' || path === '/' ? 'POST' : 'GET'
    const outgoing = request({ hostname, port, path, method, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece) => (text += piece))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    outgoing.on('error', reject)
    outgoing.end(method === 'POST' ? call : undefined)
  })
}

describe('a name that is not ours', { concurrency: 6 }, () => {
  it('is refused on loopback at every address, with the next step, and reaches no node', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    for (const path of routes) {
      for (const host of ['rebound.example', 'rebound.example:8080', '127.0.0.1.rebound.example', 'localhost.evil.']) {
        const answer = await named(gate.url, host, path)
        assert.equal(answer.status, 403, `${path} ${host}`)
        const { error } = JSON.parse(answer.text)
        assert.equal(error.data.class, 'FOREIGN_HOST')
        assert.match(error.data.nextStep, /cors\.hosts/)
      }
    }
    assert.equal(nodes[0]!.callsOf('eth_gasPrice').length, 0)
  })

  it('is none of the addresses and names of this machine', async (t) => {
    const { gate } = await elStage(t, 1, quiet)
    const port = new URL(gate.url).port
    for (const host of [`127.0.0.1:${port}`, 'localhost', 'LOCALHOST.:1', '[::1]:8080', '10.1.2.3', 'a.localhost:80']) {
      assert.equal((await named(gate.url, host)).status, 200, host)
    }
  })

  it('may be made ours', async (t) => {
    const { gate } = await elStage(t, 1, { ...quiet, cors: { origins: [], hosts: ['gate.example'] } })
    assert.equal((await named(gate.url, 'Gate.Example:443')).status, 200)
    assert.equal((await named(gate.url, 'other.example')).status, 403)
    const open = await elStage(t, 1, { ...quiet, cors: { origins: [], hosts: ['*'] } })
    assert.equal((await named(open.gate.url, 'other.example')).status, 200)
  })

  it('is any name where the listener is open to the network, unless names are given', async (t) => {
    const { nodes } = await elStage(t, 1, quiet)
    for (const [hosts, status] of [
      [undefined, 200],
      [['gate.example'], 403],
    ] as const) {
      const options = optionsFor([nodes[0]!.url], quiet)
      const gate = await openGate(t, {
        ...options,
        listen: { host: '0.0.0.0', port: 0 },
        cors: { ...corsDefaults, hosts },
      })
      assert.equal((await named(gate.url, 'rebound.example', '/health')).status, status)
    }
  })
})

const foreign: [what: string, headers: string[]][] = [
  ['names its origin', ['origin', 'https://evil.example']],
  ['hides its origin', ['origin', 'null']],
  ['is said by the browser to be of another site', ['sec-fetch-site', 'cross-site']],
]

describe('a write of a page of another site', { concurrency: 6 }, () => {
  for (const [what, headers] of foreign) {
    it(`that ${what} reaches neither an execution client nor a beacon node`, async (t) => {
      const el = await elStage(t, 1, quiet)
      const cl = await clStage(t, 1, quiet)
      for (const type of [[], json, ['content-type', 'text/plain']]) {
        const answers = [
          await el.gate.send('/el', { method: 'POST', headers: [...headers, ...type], body: call }),
          await cl.gate.send(prepare, { method: 'POST', headers: [...headers, ...type], body: '[]' }),
        ]
        for (const { status, text } of answers) assert.ok(status === 403 || status === 415, `${status} ${text}`)
      }
      assert.equal(el.nodes[0]!.callsOf('eth_gasPrice').length, 0)
      assert.deepEqual(
        cl.nodes[0]!.requests.filter(({ method }) => method === 'POST'),
        [],
      )
    })
  }

  it('is served where CORS allows it, and where the page is at home under our name', async (t) => {
    const { gate } = await clStage(t, 1, { ...quiet, cors: { origins: ['https://app.example'] } })
    for (const origin of ['https://app.example', gate.url, 'chrome-extension://abcdef']) {
      const answer = await gate.send(prepare, { method: 'POST', headers: ['origin', origin, ...json], body: '[]' })
      assert.ok(answer.status < 400, `${origin} ${answer.status}`)
    }
  })

  for (const type of [
    'text/plain',
    'text/plain;application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
  ]) {
    it(`as ${type} does not pass for a program's at a beacon node`, async (t) => {
      const { gate, nodes } = await clStage(t, 1, quiet)
      const answer = await gate.send(prepare, { method: 'POST', headers: ['content-type', type], body: '[]' })
      assert.equal(answer.status, 415)
      assert.equal(answer.json.class, 'WRONG_CONTENT_TYPE')
      assert.deepEqual(
        nodes[0]!.requests.filter(({ method }) => method === 'POST'),
        [],
      )
    })
  }
})

describe('a method that repeats what it was sent', { concurrency: 6 }, () => {
  for (const method of ['TRACE', 'TRACK']) {
    it(`(${method}) is refused everywhere and reaches no node`, async (t) => {
      const el = await elStage(t, 1, quiet)
      const cl = await clStage(t, 1, quiet)
      const paths = [
        ...routes.map((path) => el.gate.url + path),
        `${cl.gate.url}/cl/eth/v1/x`,
        `${cl.gate.url}/eth/v1/x`,
      ]
      for (const url of paths) assert.ok([405, 501].includes((await send(url, { method })).status))
      assert.deepEqual(
        cl.nodes[0]!.requests.filter((request) => !['GET', 'POST'].includes(request.method)),
        [],
      )
    })
  }
})

describe('a path that leaves the one of its upstream', { concurrency: 6 }, () => {
  it('is refused however its dots are written', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    const before = nodes[0]!.requests.length
    for (const up of ['..', '%2e%2e', '%2E.', '.%2e', '%252e%252e', '..;', '..;x=1', '..%3b']) {
      for (const path of [
        `/cl/${up}`,
        `/cl/${up}/admin`,
        `/eth/v1/${up}/${up}/${up}/admin`,
        `/eth//${up}/${up}/admin`,
        `/eth/./${up}/${up}`,
        `/eth/a%2fb/${up}/${up}/${up}`,
        `/eth/v1/${up}\\${up}\\${up}`,
        `/eth/x%2f${up}%5C${up}%2f${up}/y`,
      ]) {
        const answer = await gate.send(path)
        assert.deepEqual([answer.status, answer.json.class], [400, 'BAD_PATH'], path)
      }
    }
    assert.equal(nodes[0]!.requests.length, before)
  })

  it('is none where dots are part of a name, or lead back no further than it came', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    for (const path of [
      '/eth/v1/..x',
      '/eth/v1/x..',
      '/eth/v1/...',
      '/eth/v1/a.b',
      '/eth/v1/x?y=/../',
      '/eth/v1/x/../y',
    ]) {
      await gate.send(path)
      assert.equal(nodes[0]!.requests.at(-1)!.target, path)
    }
  })
})
