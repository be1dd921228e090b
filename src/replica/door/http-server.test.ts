import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { makeChains } from '../../../test/replica/chain.ts'
import { statusOf } from '../../consensus/queries.ts'
import type { SealedCommit } from '../../consensus/types.ts'
import { replicaMetrics } from '../metrics.ts'
import { encodeList } from '../peers/messages.ts'
import type { SubmitResult } from '../seams.ts'
import type { ReplicaStatus } from '../status.ts'
import { HttpServer } from './http-server.ts'
import { batchType } from './submission.ts'

const chain = makeChains(20)[0]
const lastCommit = chain.records.findLast((record) => record.type === 'commit')
const plain: ReplicaStatus = {
  ...statusOf(chain.state),
  authority: 0,
  epoch: 0,
  asksForOwnRound: false,
  peers: [1, 2, 3].map((peer) => ({ peer, connected: true, subscribed: peer > 1 })),
  queue: { transactions: 2, bytes: 30 },
  delivery: { acknowledged: 10, backlog: 4 },
  firstCommitKept: 1,
  commitsFetched: 0,
  refused: [
    { from: 1, reason: 'badSignature', count: 2 },
    { from: 2, reason: 'badSignature', count: 3 },
  ],
  intake: { decoded: 90, checked: 80 },
}

let status: ReplicaStatus
let head: SealedCommit | undefined
let result: SubmitResult
let submitted: string[]
let base: string
const servers: HttpServer[] = []

async function serve(takes: boolean): Promise<string> {
  const server = new HttpServer({
    status: () => status,
    head: () => head,
    metrics: replicaMetrics(
      { status: () => status, refusedLinks: () => ({ stranger: 7, wrongKey: 0, wrongEpoch: 0, handshake: 1 }) },
      false,
    ),
    maxBodyBytes: 1000,
    ...(takes
      ? {
          submit: (transaction: Uint8Array, done: (result: SubmitResult) => void) => {
            submitted.push(Buffer.from(transaction).toString('hex'))
            done(result)
          },
        }
      : {}),
  })
  servers.push(server)
  return `http://127.0.0.1:${await server.listen({ host: '127.0.0.1', port: 0 })}`
}

beforeEach(async () => {
  status = plain
  head = undefined
  result = 'included'
  submitted = []
  base = await serve(true)
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${base}/transactions`, { method: 'POST', body, headers })

describe('the HTTP side of a validator', () => {
  it('takes transactions as bytes, as JSON and in batches', async () => {
    assert.equal((await post(Buffer.from('a1', 'hex'))).status, 200)
    assert.equal((await post('"0xb1"', { 'content-type': 'application/json' })).status, 200)
    const many = await post('["0xc1", "c2c3"]', { 'content-type': 'application/json; charset=utf-8' })
    assert.deepEqual(await many.json(), { included: 2, queueFull: 0, tooLarge: 0, stopped: 0 })
    const batch = encodeList([Buffer.from('d1', 'hex'), Buffer.from('d2', 'hex')])
    assert.equal((await post(Buffer.from(batch), { 'content-type': batchType })).status, 200)
    assert.deepEqual(submitted, ['a1', 'b1', 'c1', 'c2c3', 'd1', 'd2'])
  })

  it('answers by what became of them', async () => {
    const statuses: Record<string, number> = { queueFull: 429, tooLarge: 413, stopped: 503 }
    for (const [what, expected] of Object.entries(statuses)) {
      result = what as SubmitResult
      assert.equal((await post('x')).status, expected)
    }
  })

  it('refuses what holds no transactions', async () => {
    const json = { 'content-type': 'application/json' }
    for (const body of ['{', '{}', '[1]', '"0xabc"', '"xyz"', '[]', '""']) {
      const answer = await post(body, json)
      assert.equal(answer.status, 400, body)
      assert.match(((await answer.json()) as { message: string }).message, /holds no transactions/)
    }
    assert.equal((await post('')).status, 400)
    assert.equal((await post('abc', { 'content-type': batchType })).status, 400)
    assert.deepEqual(submitted, [])
  })

  it('refuses large bodies, web pages and other methods', async () => {
    assert.equal((await post('x'.repeat(1001))).status, 413)
    assert.equal((await post('x', { origin: 'https://example.org' })).status, 403)
    assert.equal((await fetch(`${base}/transactions`)).status, 405)
    assert.equal((await fetch(`${base}/status`, { method: 'DELETE' })).status, 405)
    assert.equal((await fetch(`${base}/nothing`)).status, 404)
    assert.deepEqual(submitted, [])
  })

  it('takes nothing on a listener that only shows', async () => {
    base = await serve(false)
    assert.equal((await post('x')).status, 404)
    assert.equal((await fetch(`${base}/status`)).status, 200)
  })

  it('shows status and metrics', async () => {
    assert.deepEqual(await (await fetch(`${base}/status`)).json(), JSON.parse(JSON.stringify(plain)))
    const text = await (await fetch(`${base}/metrics`)).text()
    for (const line of [
      `drawbridge_consensus_round ${plain.round}`,
      `drawbridge_consensus_leaders_total{outcome="committed_direct"} ${plain.leaders.committedDirect}`,
      'drawbridge_consensus_peers_connected 3',
      'drawbridge_consensus_peers_subscribed 2',
      'drawbridge_consensus_delivery_backlog 4',
      'drawbridge_consensus_refused_blocks_total{reason="badSignature"} 5',
      'drawbridge_consensus_refused_links_total{reason="stranger"} 7',
    ]) {
      assert.ok(text.split('\n').includes(line), line)
    }
  })
})

describe('the Beacon routes of a validator', () => {
  const health = async (query = ''): Promise<number> => (await fetch(`${base}/eth/v1/node/health${query}`)).status

  it('are healthy in step, syncing behind, unhealthy alone', async () => {
    assert.equal(await health(), 200)
    status = { ...plain, quorumCommitIndex: plain.lastCommit.index + 50 }
    assert.equal(await health(), 206)
    assert.equal(await health('?syncing_status=299'), 299)
    assert.equal(await health('?syncing_status=9999'), 206)
    status = { ...plain, asksForOwnRound: true }
    assert.equal(await health(), 206)
    status = { ...plain, peers: plain.peers.map((peer) => ({ ...peer, connected: false })) }
    assert.equal(await health(), 503)
  })

  it('tell how far behind it is', async () => {
    status = { ...plain, quorumCommitIndex: plain.lastCommit.index + 50 }
    const { data } = (await (await fetch(`${base}/eth/v1/node/syncing`)).json()) as { data: unknown }
    assert.deepEqual(data, {
      head_slot: `${plain.lastCommit.index}`,
      sync_distance: '50',
      is_syncing: true,
      is_optimistic: false,
      el_offline: false,
    })
  })

  it('show the last commit as the head, once there is one', async () => {
    const route = `${base}/eth/v1/beacon/headers/head`
    assert.equal((await fetch(route)).status, 404)
    head = lastCommit?.type === 'commit' ? lastCommit.sealed : undefined
    const { data, finalized } = (await (await fetch(route)).json()) as {
      finalized: boolean
      data: { root: string; header: { message: { slot: string; parent_root: string } } }
    }
    assert.equal(finalized, true)
    assert.equal(data.root, `0x${head?.ref.digest}`)
    assert.equal(data.header.message.slot, `${head?.ref.index}`)
    assert.equal(data.header.message.parent_root, `0x${head?.commit.previousDigest}`)
  })
})
