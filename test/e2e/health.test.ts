import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '../fake/until.ts'
import { clStage, elStage, untilEligible } from './gate.ts'

const probes = 'eth_blockNumber'

describe('probes of execution clients', { concurrency: 6 }, () => {
  it('let one hanging upstream delay neither the probes nor the calls of the others', async (t) => {
    const { gate, nodes } = await elStage(t, 3, { probe: { timeoutMs: 30_000 } })
    const [a, b, c] = nodes
    a!.hang()
    const before = [b!, c!].map((node) => node.callsOf(probes).length)
    await until(() => [b!, c!].every((node, at) => node.callsOf(probes).length >= before[at]! + 5), {
      deadlineMs: 3000,
    })
    const answer = await gate.call('eth_gasPrice')
    assert.equal(answer.json.result, '0x7')
    assert.equal(answer.header('x-drawbridge-upstream'), 'b')
  })

  it('take an upstream out after maxFailures failures in a row, not before', async (t) => {
    const { gate, nodes } = await elStage(t, 2)
    nodes[0]!.status(500)
    const seen = new Set<number>()
    await until(() => {
      const { failuresInARow, eligible } = gate.upstream('a')
      seen.add(failuresInARow)
      if (eligible !== failuresInARow < 3) throw new Error(`eligible is ${eligible} after ${failuresInARow} failures`)
      return failuresInARow > 3
    })
    assert.ok(seen.size > 1, 'the row of failures was seen growing')
    assert.match(gate.upstream('a').reason ?? '', /HTTP 500/)
    assert.equal((await gate.call('eth_gasPrice')).header('x-drawbridge-upstream'), 'b')
  })

  it('bring an upstream back after a single success', async (t) => {
    const { gate, nodes } = await elStage(t, 2)
    const [a] = nodes
    a!.status(500)
    await untilEligible(gate, 'a', false)
    const before = a!.callsOf(probes).length
    const returns = gate.lines.filter(({ message }) => message === 'upstream in service').length
    a!.status(undefined)
    await until(() => gate.lines.filter(({ message }) => message === 'upstream in service').length > returns, {
      intervalMs: 1,
    })
    assert.ok(a!.callsOf(probes).length <= before + 2, 'it did not wait for more than the first good probe')
    assert.equal(gate.upstream('a').eligible, true)
    assert.equal((await gate.call('eth_gasPrice')).header('x-drawbridge-upstream'), 'a')
  })

  it('hold back an upstream that came and went too often until it has stayed well for a while', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { probe: { maxFailures: 1, intervalMs: 30 } })
    const [a, b] = nodes
    for (let flip = 0; flip < 3; flip++) {
      a!.status(500)
      await untilEligible(gate, 'a', false)
      a!.status(undefined)
      await until(() => {
        assert.doesNotMatch(gate.upstream('a').reason ?? '', /too often/)
        assert.ok(gate.upstream('a').eligible)
      })
    }
    a!.status(500)
    await untilEligible(gate, 'a', false)
    a!.status(undefined)
    const since = performance.now()
    await until(() => /came and went too often/.test(gate.upstream('a').reason ?? ''))
    await gate.call('eth_getBalance', ['0x0000000000000000000000000000000000000009', 'latest'])
    assert.equal(a!.callsOf('eth_getBalance').length, 0)
    assert.equal(b!.callsOf('eth_getBalance').length, 1)
    await untilEligible(gate, 'a', true)
    assert.ok(performance.now() - since > 1500, 'it had to stay well for about two seconds')
  })

  it('pass a lag at the limit and fail one more', async (t) => {
    const { gate, nodes } = await elStage(t, [{ height: 95 }, { height: 100 }, { height: 100 }])
    assert.equal(gate.upstream('a').lag, 5)
    assert.equal(gate.upstream('a').eligible, true)
    for (const node of nodes.slice(1)) node.height = 101
    await untilEligible(gate, 'a', false)
    assert.equal(gate.upstream('a').reason, 'lags by 6, the limit is 5')
    nodes[0]!.height = 96
    await untilEligible(gate, 'a', true)
  })

  it('do not let a node that claims 10¹² make others lag, be it first or last', async (t) => {
    for (const liar of [0, 1]) {
      const { gate, nodes } = await elStage(t, 2)
      nodes[liar]!.answer(probes, '0xe8d4a51000')
      const name = ['a', 'b'][liar]!
      await until(() => gate.upstream(name).head === 1_000_000_000_000)
      const honest = gate.upstream(['b', 'a'][liar]!)
      assert.equal(honest.eligible, true)
      assert.equal(honest.lag, 0)
      assert.equal(gate.status.head?.number, 100)
    }
  })

  it('keep honest nodes in service beside a liar that was there first', async (t) => {
    const { gate, nodes } = await elStage(t, [{ height: 1 }, {}, {}], { settled: false, hanging: [0, 1, 2] })
    nodes[0]!.answer(probes, '0xe8d4a51000')
    nodes[0]!.unhang()
    await until(() => gate.upstream('a').head === 1_000_000_000_000)
    for (const node of nodes.slice(1)) node.unhang()
    await untilEligible(gate, 'b', true)
    await untilEligible(gate, 'c', true)
    assert.equal(gate.status.head?.number, 100)
  })

  it('take an upstream that was never seen for unknown, not for fresh', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { settled: false, hanging: [0], probe: { timeoutMs: 30_000 } })
    const [a, b] = nodes
    await untilEligible(gate, 'b', true)
    const { eligible, head, reason } = gate.upstream('a')
    assert.deepEqual({ eligible, head, reason }, { eligible: false, head: null, reason: 'not probed yet' })
    assert.equal((await gate.call('eth_gasPrice')).header('x-drawbridge-upstream'), 'b')
    assert.equal(a!.callsOf('eth_gasPrice').length, 0)
    assert.equal(b!.callsOf('eth_gasPrice').length, 1)
  })

  it('keep an upstream of another chain out from the start', async (t) => {
    const { gate, nodes } = await elStage(t, [{ chainId: 5 }, {}], { chainId: 1337 })
    assert.equal(gate.upstream('a').reason, 'wrong chain: 5 instead of 1337')
    assert.equal((await gate.call('eth_gasPrice')).header('x-drawbridge-upstream'), 'b')
    assert.equal(nodes[0]!.callsOf('eth_gasPrice').length, 0)
  })

  it('learn the chain from most upstreams when none is configured', async (t) => {
    const { gate } = await elStage(t, [{ chainId: 5 }, {}, {}])
    assert.equal(gate.status.chainId, 1337)
    assert.equal(gate.upstream('a').reason, 'wrong chain: 5 instead of 1337')
  })

  it('keep an upstream out that comes back on another chain', async (t) => {
    const { gate, nodes } = await elStage(t, 2)
    const [a] = nodes
    await a!.refuse()
    await untilEligible(gate, 'a', false)
    a!.chainId = 5
    await a!.accept()
    await until(() => gate.upstream('a').reason === 'wrong chain: 5 instead of 1337')
    await gate.call('eth_gasPrice')
    assert.equal(a!.callsOf('eth_gasPrice').length, 0)
    assert.equal(gate.upstream('a').eligible, false)
  })

  it('believe a node that says it is syncing', async (t) => {
    const { gate, nodes } = await elStage(t, 2)
    const [a] = nodes
    a!.syncing = { startingBlock: '0x0', currentBlock: '0x10', highestBlock: '0x64' }
    await untilEligible(gate, 'a', false)
    assert.equal(gate.upstream('a').reason, 'syncing: block 16 of 100')
    assert.equal((await gate.call('eth_gasPrice')).header('x-drawbridge-upstream'), 'b')
    a!.syncing = false
    await untilEligible(gate, 'a', true)
  })

  it('learn from live traffic: nobody waits for the next probe', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { probe: { intervalMs: 60_000 } })
    const [a] = nodes
    await a!.refuse()
    for (let n = 0; n < 3; n++) assert.equal((await gate.call('eth_gasPrice')).json.result, '0x7')
    await untilEligible(gate, 'a', false)
    assert.match(gate.upstream('a').reason ?? '', /refused/)
    assert.equal((await gate.call('eth_gasPrice')).header('x-drawbridge-attempts'), '1')
  })

  it('read finalized and safe heads', async (t) => {
    const { gate, nodes } = await elStage(t, 2)
    assert.deepEqual([gate.status.safe, gate.status.finalized], [98, 96])
    for (const node of nodes) node.height = 103
    await until(() => assert.deepEqual([gate.status.safe, gate.status.finalized], [101, 99]))
  })
})

describe('probes of beacon nodes', { concurrency: 6 }, () => {
  const flags: [what: string, script: 'isSyncing' | 'isOptimistic' | 'elOffline', reason: RegExp][] = [
    ['is_syncing, even beside a health of 200', 'isSyncing', /^syncing: 100 slots to go$/],
    ['is_optimistic', 'isOptimistic', /^optimistic/],
    ['el_offline', 'elOffline', /execution client is offline/],
  ]
  for (const [what, flag, reason] of flags) {
    it(`keep a node out that says ${what}`, async (t) => {
      const { gate, nodes } = await clStage(t, 2)
      const [a, b] = nodes
      a![flag] = true
      await untilEligible(gate, 'a', false)
      assert.match(gate.upstream('a').reason ?? '', reason)
      const before = a!.requestsOf('/eth/v1/node/version').length
      assert.equal((await gate.send('/eth/v1/node/version')).status, 200)
      assert.equal(a!.requestsOf('/eth/v1/node/version').length, before)
      assert.equal(b!.requestsOf('/eth/v1/node/version').length, 1)
      a![flag] = false
      await untilEligible(gate, 'a', true)
    })
  }

  it('keep a node out whose health says 206', async (t) => {
    const { gate, nodes } = await clStage(t, 2)
    nodes[0]!.health = 206
    await untilEligible(gate, 'a', false)
    assert.equal(gate.upstream('a').reason, 'syncing (health 206)')
    nodes[0]!.health = 200
    await untilEligible(gate, 'a', true)
  })

  it('keep a node out whose health is not 200', async (t) => {
    const { gate, nodes } = await clStage(t, 2)
    nodes[0]!.health = 503
    await untilEligible(gate, 'a', false)
    assert.match(gate.upstream('a').reason ?? '', /503/)
  })

  it('pass a lag of three slots and fail four', async (t) => {
    const { gate, nodes } = await clStage(t, [{ slot: 997 }, { slot: 1000 }, { slot: 1000 }])
    assert.equal(gate.upstream('a').eligible, true)
    for (const node of nodes.slice(1)) node.slot = 1001
    await untilEligible(gate, 'a', false)
    assert.equal(gate.upstream('a').reason, 'lags by 4, the limit is 3')
  })

  it('keep a node of another genesis out', async (t) => {
    const { gate } = await clStage(t, [{ chain: 'other' }, {}, {}])
    assert.match(gate.upstream('a').reason ?? '', /^wrong chain/)
  })

  it('let one hanging node delay nobody', async (t) => {
    const { gate, nodes } = await clStage(t, 2, { probe: { timeoutMs: 30_000 } })
    const [a, b] = nodes
    a!.hang()
    const path = '/eth/v1/beacon/headers/head'
    const before = b!.requestsOf(path).length
    await until(() => b!.requestsOf(path).length >= before + 5, { deadlineMs: 3000 })
    assert.equal((await gate.send('/eth/v1/node/version')).header('x-drawbridge-upstream'), 'b')
  })
})

describe('/ready', { concurrency: 6 }, () => {
  it('is 503 with the reasons until an upstream is known to be well', async (t) => {
    const { gate, nodes } = await elStage(t, 1, { settled: false, hanging: [0], probe: { timeoutMs: 30_000 } })
    const before = await gate.send('/ready')
    assert.equal(before.status, 503)
    assert.match(before.json.reasons[0], /network el has no eligible upstream \(a: /)
    nodes[0]!.unhang()
    await until(async () => (await gate.send('/ready')).status === 200)
  })

  it('turns 503 when the last upstream is lost, while /health stays 200', async (t) => {
    const { gate, nodes } = await elStage(t, 2)
    assert.equal((await gate.send('/ready')).status, 200)
    await nodes[0]!.refuse()
    await untilEligible(gate, 'a', false)
    assert.equal((await gate.send('/ready')).status, 200)
    await nodes[1]!.refuse()
    await untilEligible(gate, 'b', false)
    assert.equal((await gate.send('/ready')).status, 503)
    assert.equal((await gate.send('/health')).text, 'OK\n')
  })
})
