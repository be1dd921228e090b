import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { until } from '../fake/until.ts'
import { AnvilPair } from './support/anvil-pair.ts'
import { type FaultRun, noCallFails } from './support/failover.ts'
import { type GatewayProcess, startGateway } from './support/gateway-process.ts'
import type { Sample } from './support/load.ts'
import { runFolder } from './support/places.ts'
import { ask, mixedReads } from './support/rpc-samples.ts'

// The first of the accounts that every anvil holds funds for.
const rich = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'

describe('two anvils behind the gateway', () => {
  let pair: AnvilPair
  let gateway: GatewayProcess
  let samples: Sample[]
  before(async () => {
    pair = await AnvilPair.start(250)
    await until(() => Number(pair.chain.head?.number ?? 0) >= 3, { deadlineMs: 10_000 })
    gateway = await startGateway(runFolder('el-anvil'), [pair.url(0), pair.url(1)])
    samples = await mixedReads(pair.url(0), rich)
  })
  after(async () => {
    await gateway?.stop()
    await pair?.stop()
  })
  const run = (fault: Pick<FaultRun, 'name' | 'fault' | 'repair'>): Promise<void> =>
    noCallFails({ ...fault, gateway, samples, perSecond: 200, holdMs: 4000, deadlineMs: 40_000 })

  it('fails no call while the preferred one is killed, and returns to it once it runs again', () =>
    run({ name: 'killed', fault: () => pair.kill(0), repair: () => pair.restart(0) }))

  it('fails no call while the preferred one hangs, and returns to it once it wakes', () =>
    run({ name: 'hung', fault: () => pair.freeze(0), repair: () => pair.thaw(0) }))

  it('fails no call while the preferred one lags, and returns to it once it has caught up', () =>
    run({ name: 'lagging', fault: () => pair.starve(0), repair: () => pair.feed(0) }))

  it('keeps answering through reorgs and goes to the new chain', async () => {
    for (const depth of [1, 3, 5]) {
      const height = Number(await ask<string>(gateway.url, 'eth_blockNumber'))
      const replaced = `0x${(height - depth + 1).toString(16)}`
      const before = await ask<{ hash: string }>(gateway.url, 'eth_getBlockByNumber', [replaced, false])
      await ask(pair.url(0), 'anvil_reorg', [depth, []])
      const now = await ask<{ hash: string }>(pair.url(0), 'eth_getBlockByNumber', [replaced, false])
      if (depth > 1) assert.notEqual(now.hash, before.hash, 'the reorg replaced the block')
      await until(async () => {
        const seen = await ask<{ hash: string }>(gateway.url, 'eth_getBlockByNumber', [replaced, false])
        assert.equal(seen.hash, now.hash)
      })
    }
  })

  it('mines what is sent through the gateway', async () => {
    const [from, to] = await ask<string[]>(gateway.url, 'eth_accounts')
    const hash = await ask<string>(gateway.url, 'eth_sendTransaction', [{ from, to, value: '0x1' }])
    await until(async () => {
      const receipt = await ask<{ status: string } | null>(gateway.url, 'eth_getTransactionReceipt', [hash])
      return receipt?.status === '0x1'
    })
  })
})
