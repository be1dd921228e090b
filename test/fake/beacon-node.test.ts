import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type BeaconEcho, type FakeBeaconNode, startFakeBeaconNode } from './beacon-node.ts'
import { until } from './until.ts'

describe('the fake beacon node', () => {
  let node: FakeBeaconNode
  beforeEach(async () => {
    node = await startFakeBeaconNode({ slot: 100 })
  })
  afterEach(() => node.close())
  const get = async (path: string): Promise<{ data: Record<string, unknown> }> =>
    (await fetch(node.url + path)).json() as Promise<{ data: Record<string, unknown> }>

  it('says how it is', async () => {
    node.health = 206
    assert.equal((await fetch(`${node.url}/eth/v1/node/health`)).status, 206)
    node.isSyncing = true
    node.elOffline = true
    const { data } = await get('/eth/v1/node/syncing')
    assert.deepEqual(data, {
      head_slot: '100',
      sync_distance: '100',
      is_syncing: true,
      is_optimistic: false,
      el_offline: true,
    })
  })

  it('names its head, or garbage in its place', async () => {
    const header = async () =>
      (await get('/eth/v1/beacon/headers/head')).data['header'] as { message: { slot: unknown } }
    assert.equal((await header()).message.slot, '100')
    node.nextSlot()
    assert.equal((await header()).message.slot, '101')
    node.slot = 'many'
    assert.equal((await header()).message.slot, 'many')
  })

  it('tells its chain apart from others', async () => {
    const other = await startFakeBeaconNode({ chain: 'other', chainId: 5 })
    const genesis = await get('/eth/v1/beacon/genesis')
    const theirs = (await (await fetch(`${other.url}/eth/v1/beacon/genesis`)).json()) as typeof genesis
    assert.notEqual(genesis.data['genesis_validators_root'], theirs.data['genesis_validators_root'])
    assert.equal((await get('/eth/v1/config/spec')).data['DEPOSIT_CHAIN_ID'], '1337')
    const { finalized } = (await get('/eth/v1/beacon/states/head/finality_checkpoints')).data
    assert.equal((finalized as { epoch: string }).epoch, '10')
    await other.close()
  })

  it('echoes everything else, raw', async () => {
    const answer = await fetch(`${node.url}/eth/v2/x%2Fy?id=1,2&id=3`, { method: 'POST', body: 'abc' })
    const echo = (await answer.json()) as BeaconEcho
    assert.equal(echo.url, '/eth/v2/x%2Fy?id=1,2&id=3')
    assert.equal(echo.method, 'POST')
    assert.equal(atob(echo.body), 'abc')
    assert.equal(node.requestsOf('/eth/v2/x%2Fy').length, 1)
  })

  it('gives SSZ bodies back as they were', async () => {
    const body = Buffer.from([0, 1, 2, 255])
    const headers = { 'content-type': 'application/octet-stream' }
    const answer = await fetch(`${node.url}/eth/v2/beacon/blocks`, { method: 'POST', body, headers })
    assert.equal(answer.headers.get('content-type'), 'application/octet-stream')
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), body)
  })

  it('follows scripts for paths until they are forgotten', async () => {
    node.answer('/eth/v1/node/syncing', 'not json', 500)
    const broken = await fetch(`${node.url}/eth/v1/node/syncing?x=1`)
    assert.deepEqual([broken.status, await broken.text()], [500, 'not json'])
    node.forget('/eth/v1/node/syncing')
    assert.equal((await fetch(`${node.url}/eth/v1/node/syncing`)).status, 200)
  })

  it('hangs, refuses and comes back', async () => {
    node.hang()
    const late = fetch(`${node.url}/eth/v1/node/health`)
    await until(() => node.requests.length === 1)
    node.unhang()
    assert.equal((await late).status, 200)
    await node.refuse()
    await assert.rejects(fetch(`${node.url}/eth/v1/node/health`))
    await node.accept()
    assert.equal((await fetch(`${node.url}/eth/v1/node/health`)).status, 200)
  })

  it('pushes events to the streams of their topic and can cut them', async () => {
    const answer = await fetch(`${node.url}/eth/v1/events?topics=head&topics=block`)
    let text = ''
    const reading = (async () => {
      for await (const chunk of answer.body!) text += Buffer.from(chunk)
    })()
    node.push('finalized_checkpoint', { epoch: '1' })
    node.nextSlot()
    await until(() => text.includes('\n\nevent: head\ndata: {"slot":"101"'))
    assert.ok(!text.includes('finalized_checkpoint'))
    assert.equal(node.streams.active, 1)
    node.streams.cut()
    await reading
    assert.equal(node.streams.active, 0)
  })

  it('notices a listener that leaves', async () => {
    const leaving = new AbortController()
    await fetch(`${node.url}/eth/v1/events?topics=head`, { signal: leaving.signal })
    await until(() => node.streams.active === 1)
    leaving.abort()
    await until(() => node.streams.active === 0)
    assert.equal((await fetch(`${node.url}/eth/v1/events`)).status, 400)
  })
})
