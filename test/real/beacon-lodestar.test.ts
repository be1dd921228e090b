import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { pause, until } from '../fake/until.ts'
import { type GatewayProcess, startGateway, type UpstreamStatus } from './support/gateway-process.ts'
import { Load, type Sample } from './support/load.ts'
import { type Lodestar, startLodestarPair } from './support/lodestar.ts'
import { runFolder } from './support/places.ts'

describe('two beacon nodes behind the gateway', () => {
  let proposer: Lodestar
  let other: Lodestar
  let gateway: GatewayProcess
  let load: Load
  before(async () => {
    const folder = runFolder('beacon-lodestar')
    ;[proposer, other] = await startLodestarPair(folder)
    // The one that knows nobody comes first: it must be left aside although it is preferred.
    gateway = await startGateway(folder, ['--cl', other.url, '--cl', proposer.url])
    load = new Load(gateway.url, 40, await samplesFrom(proposer))
  })
  after(async () => {
    await load?.stop()
    await gateway?.stop()
    await Promise.all([proposer?.kill(), other?.kill()])
  })
  const statusOf = (node: Lodestar): Promise<UpstreamStatus> => gateway.upstream('cl', node.url)
  const served = (node: Lodestar): Promise<void> =>
    until(
      async () => {
        const { name } = await statusOf(node)
        assert.ok(load.settledOn(name, 20), `answers come from ${name}`)
      },
      { deadlineMs: 60_000, intervalMs: 100, describe: () => load.outcomes.slice(-3) },
    )

  it('leaves aside a node that is still syncing, however healthy it calls itself', async () => {
    assert.equal((await fetch(`${other.url}/eth/v1/node/health`)).ok, true)
    await until(() => other.isSyncing(), { deadlineMs: 30_000, intervalMs: 200 })
    await served(proposer)
    assert.equal((await statusOf(other)).eligible, false)
    assert.equal((await fetch(`${gateway.url}/eth/v1/node/health`)).status, 200)
  })

  it('prefers it once it has caught up', async () => {
    await other.connectTo(proposer)
    await until(async () => !(await other.isSyncing()), { deadlineMs: 60_000, intervalMs: 200 })
    await served(other)
  })

  it('moves on while it hangs, and returns when it has caught up again', async () => {
    other.freeze()
    await served(proposer)
    await pause(25_000)
    other.thaw()
    await served(other)
  })

  it('moves on when it is killed', async () => {
    await other.kill()
    await served(proposer)
    assert.equal((await statusOf(other)).eligible, false)
  })

  it('failed no call in all of this', async () => {
    const { calls, failed, problems, slowestMs, p99Ms } = await load.stop()
    console.log(`    beacon: calls ${calls}, failed ${failed}, slowestMs ${slowestMs}, p99Ms ${p99Ms}`)
    assert.ok(calls > 1000)
    assert.deepEqual(problems, [], `${failed} of ${calls} calls failed`)
  })
})

async function samplesFrom(node: Lodestar): Promise<Sample[]> {
  return [
    headSample(),
    await fixedSample(node, '/eth/v1/beacon/genesis'),
    await fixedSample(node, '/eth/v1/config/spec'),
  ]
}

/** The head may not fall far behind what was once answered. */
function headSample(): Sample {
  let highest = 0
  return {
    method: 'GET',
    path: '/cl/eth/v1/beacon/headers/head',
    check: (body) => {
      const slot = Number(JSON.parse(body).data.header.message.slot)
      if (!Number.isSafeInteger(slot) || slot < highest - 6) return `slot ${slot} after ${highest}`
      highest = Math.max(highest, slot)
      return undefined
    },
  }
}

async function fixedSample(node: Lodestar, path: string): Promise<Sample> {
  const expected = await (await fetch(node.url + path)).text()
  const check = (body: string): string | undefined => (body === expected ? undefined : `${path} answered otherwise`)
  return { method: 'GET', path, check }
}
