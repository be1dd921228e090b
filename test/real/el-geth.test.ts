import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { until } from '../fake/until.ts'
import { type FaultRun, noCallFails } from './support/failover.ts'
import { type GatewayProcess, startGateway } from './support/gateway-process.ts'
import { type GethPair, startGethPair } from './support/geth.ts'
import { richAccounts } from './support/geth-genesis.ts'
import type { Sample } from './support/load.ts'
import { runFolder } from './support/places.ts'
import { ask, mixedReads } from './support/rpc-samples.ts'

describe('two geths behind the gateway', () => {
  let pair: GethPair
  let gateway: GatewayProcess
  let samples: Sample[]
  before(async () => {
    const folder = runFolder('el-geth')
    pair = await startGethPair(folder, 400)
    await until(() => pair.driver.head.number >= 3, { deadlineMs: 20_000 })
    gateway = await startGateway(folder, [pair.geths[0].url, pair.geths[1].url])
    samples = await mixedReads(pair.geths[0].url, richAccounts[0])
  })
  after(async () => {
    await gateway?.stop()
    await pair?.stop()
  })
  const run = (fault: Pick<FaultRun, 'name' | 'fault' | 'repair'>): Promise<void> =>
    noCallFails({ ...fault, gateway, samples, perSecond: 200, holdMs: 4000, deadlineMs: 40_000 })

  it('fails no call while the preferred one is killed, and returns to it once it runs again', () =>
    run({ name: 'killed', fault: () => pair.geths[0].kill(), repair: () => pair.geths[0].start() }))

  it('fails no call while the preferred one hangs, and returns to it once it wakes', () =>
    run({ name: 'hung', fault: () => pair.geths[0].freeze(), repair: () => pair.geths[0].thaw() }))

  it('fails no call while the preferred one lags, and returns to it once it has caught up', () =>
    run({ name: 'lagging', fault: () => pair.driver.hold(0), repair: () => pair.driver.release(0) }))

  it('keeps answering through a reorg and goes to the new chain', async () => {
    const { replaced } = await pair.driver.reorg(3)
    assert.equal(replaced.length, 3)
    for (const old of replaced) {
      const now = pair.driver.at(old.number)
      assert.notEqual(now?.hash, old.hash)
      await until(async () => {
        const number = `0x${old.number.toString(16)}`
        const seen = await ask<{ hash: string }>(gateway.url, 'eth_getBlockByNumber', [number, false])
        assert.equal(seen.hash, now?.hash)
      })
    }
    const height = pair.driver.head.number
    await until(async () => Number(await ask<string>(gateway.url, 'eth_blockNumber')) >= height)
  })
})
