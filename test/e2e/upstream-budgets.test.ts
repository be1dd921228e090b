import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { describe, it } from 'node:test'
import { until } from '../fake/until.ts'
import { clStage, elStage, uniqueParams } from './gate.ts'

const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }

function open(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = get(url, { agent: false }, resolve)
    outgoing.on('error', reject)
  })
}

describe('what one caller asks of a node', { concurrency: 4 }, () => {
  it('as event streams takes neither calls nor probes their connections', async (t) => {
    const { gate, nodes } = await clStage(t, 1, quiet)
    const streams: IncomingMessage[] = []
    t.after(async () => {
      for (const stream of streams) stream.destroy()
    })
    for (let at = 0; at < 120; at++) streams.push(await open(`${gate.url}/eth/v1/events?topics=head`))
    assert.ok(streams.every(({ statusCode }) => statusCode === 200))
    assert.equal((await gate.send('/eth/v1/beacon/genesis')).status, 200)
    assert.equal(gate.upstream('a').eligible, true)
    assert.ok(nodes[0]!.open > 120)
  })

  it('as event streams has a bound for each client, told by 429', async (t) => {
    const { gate } = await clStage(t, 1, quiet)
    const streams: IncomingMessage[] = []
    t.after(async () => {
      for (const stream of streams) stream.destroy()
    })
    for (let at = 0; at < 128; at++) streams.push(await open(`${gate.url}/eth/v1/events?topics=head`))
    const over = await gate.send('/eth/v1/events?topics=head')
    assert.deepEqual([over.status, over.json.class], [429, 'LIMITED'])
  })

  it('as logs in pieces sends no more than a few times the largest call', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.answer('eth_getLogs', { error: { code: -32005, message: 'query returned more than 10000 results' } })
    const address = Array.from({ length: 30_000 }, (_, at) => `0x${at.toString(16).padStart(40, '0')}`)
    const answer = await gate.call('eth_getLogs', [{ fromBlock: '0x1', toBlock: '0x64', address }])
    assert.equal(answer.json.error.code, -32005)
    const sent = nodes[0]!.requests.reduce((sum, { body }) => sum + body.length, 0)
    assert.ok(sent < 16_000_000, `${sent}`)
  })
})

describe('a node that answers a probe with megabytes', { concurrency: 4 }, () => {
  it('is out for it, and costs no time', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { probe: { maxFailures: 1 } })
    nodes[0]!.answerText('eth_blockNumber', `"0x${'1'.repeat(4_000_000)}"`)
    await until(() => !gate.upstream('a').eligible)
    assert.match(gate.upstream('a').reason ?? '', /too large/)
    assert.equal((await gate.call('eth_getBalance', uniqueParams())).header('x-drawbridge-upstream'), 'b')
  })

  it('is not taken at its word when the number itself is the long one', async (t) => {
    const long = await elStage(t, [{}], { settled: false, hanging: [0] })
    long.nodes[0]!.answerText('eth_chainId', `"0x${'1'.repeat(60_000)}"`)
    long.nodes[0]!.unhang()
    await until(() => /eth_chainId/.test(long.gate.upstream('a').lastError ?? ''))
    assert.equal(long.gate.upstream('a').eligible, false)
  })
})
