import assert from 'node:assert/strict'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { realClock, sleep } from '../../src/core/clock.ts'
import { TestCommittee, type TestValidator, until } from './harness.ts'

let committee: TestCommittee | undefined
afterEach(async () => {
  await committee?.stop()
  committee = undefined
})

/** Submits `count` transactions over the given validators and waits until they are in own blocks. */
async function load(validators: readonly TestValidator[], prefix: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, n) => `${prefix} ${n}`)
  const results = await Promise.all(names.map((name, n) => validators[n % validators.length]!.submit(name)))
  assert.deepEqual([...new Set(results)], ['included'])
  return names
}

async function allOrdered(validators: readonly TestValidator[], names: readonly string[]): Promise<void> {
  await until(() => validators.every(({ transactions }) => transactions.length >= names.length), 'all are ordered')
  for (const { transactions } of validators) assert.deepEqual([...transactions].sort(), [...names].sort())
}

const commitsOf = ({ commits }: TestValidator): number => commits.length
const newestSegment = (folder: string): string => join(folder, readdirSync(folder).sort().at(-1)!)

describe('four replicas over TLS and disk', () => {
  it('order every transaction once, alike', async () => {
    committee = await TestCommittee.create(4)
    const { validators } = committee
    await Promise.all(validators.map((validator) => validator.start()))
    const names = await load(validators, 'transaction', 200)
    await allOrdered(validators, names)
    committee.assertAgreement()
  })

  it('go on with one down, halt with two down, and lose nothing when all come back', async () => {
    committee = await TestCommittee.create(4)
    const { validators } = committee
    const [a, b, c, d] = validators as [TestValidator, TestValidator, TestValidator, TestValidator]
    await Promise.all(validators.map((validator) => validator.start()))
    const first = await load(validators, 'four', 20)
    await d.stop()
    const before = commitsOf(a)
    await until(() => commitsOf(a) > before + 20, 'three go on')
    const second = await load([a, b, c], 'three', 20)
    await until(() => [a, b, c].every(({ transactions }) => transactions.length === 40), 'three order all')
    await c.stop()
    await sleep(realClock, 300)
    const halted = commitsOf(a)
    await sleep(realClock, 400)
    assert.equal(commitsOf(a), halted, 'two of four must not commit')
    await Promise.all([c.start(), d.start()])
    const third = await load(validators, 'again', 20)
    await allOrdered(validators, [...first, ...second, ...third])
    committee.assertAgreement()
  })

  it('continue exactly after the last acknowledged commit', async () => {
    committee = await TestCommittee.create(4)
    const { validators } = committee
    await Promise.all(validators.map((validator) => validator.start()))
    const slow = validators[1]!
    const first = await load(validators, 'first', 20)
    await allOrdered(validators, first)
    // From now on its consumer acknowledges nothing, as if the process died in between.
    slow.onDeliver = () => {}
    const { acknowledged } = slow
    const second = await load(validators, 'second', 20)
    await allOrdered(validators, [...first, ...second])
    await slow.stop()
    slow.onDeliver = (acknowledge) => acknowledge()
    slow.deliveries = 0
    const taken = commitsOf(slow)
    assert.ok(taken > acknowledged)
    await slow.start()
    await until(() => slow.acknowledged > taken, 'it has taken them again')
    assert.equal(slow.deliveries, slow.acknowledged - acknowledged)
    committee.assertAgreement()
  })

  it('keep a slow consumer behind on the disk, not in memory, and pause its validator', async () => {
    committee = await TestCommittee.create(4)
    const { validators } = committee
    const slow = validators[2]!
    const waiting: (() => void)[] = []
    slow.onDeliver = (acknowledge) => waiting.push(acknowledge)
    const limits = { maxUnacknowledgedCommits: 20, maxDeliveredBytes: 2_000 }
    await Promise.all(validators.map((validator) => validator.start(validator === slow ? limits : {})))
    await until(() => slow.replica!.status().notProposing === 'backpressure', 'it pauses')
    const round = slow.replica!.status().lastProposedRound
    const before = commitsOf(validators[0]!)
    await until(() => commitsOf(validators[0]!) > before + 30, 'the others go on')
    assert.equal(slow.replica!.status().lastProposedRound, round)
    assert.ok(waiting.length < 20, `only a few are handed out, not ${waiting.length}`)
    slow.onDeliver = (acknowledge) => acknowledge()
    for (const acknowledge of waiting) acknowledge()
    await until(() => slow.replica!.status().lastProposedRound > round, 'it proposes again')
    await until(() => commitsOf(slow) > before, 'it has caught up')
    committee.assertAgreement()
  })

  it('never propose a round twice after a lost disk, and get the whole sequence back', async () => {
    committee = await TestCommittee.create(4, { commitsPerSchedule: 50, maxCommitLag: 50 })
    const { validators } = committee
    await Promise.all(validators.map((validator) => validator.start({ segmentBytes: 65_536 })))
    const names = await load(validators, 'before', 40)
    await until(() => validators.every((one) => commitsOf(one) > 150), 'some history')
    const wiped = validators[3]!
    const { lastProposedRound } = wiped.replica!.status()
    await wiped.stop()
    wiped.wipe()
    await wiped.start()
    assert.equal(wiped.replica!.status().asksForOwnRound, true)
    await until(() => wiped.replica!.status().lastProposedRound > lastProposedRound, 'it proposes again')
    names.push(...(await load(validators, 'after', 40)))
    await allOrdered(validators, names)
    assert.ok(wiped.replica!.status().commitsFetched > 100, 'old commits came by commit sync')
    for (const { replica } of validators) assert.equal(replica!.status().equivocations, 0)
    committee.assertAgreement()
  })

  it('recover from a torn log, after which the committee is asked', async () => {
    committee = await TestCommittee.create(4)
    const { validators } = committee
    await Promise.all(validators.map((validator) => validator.start()))
    const names = await load(validators, 'before', 20)
    await allOrdered(validators, names)
    const torn = validators[0]!
    await torn.stop()
    const path = newestSegment(torn.folder)
    truncateSync(path, statSync(path).size - 100)
    await torn.start()
    names.push(...(await load(validators, 'after', 20)))
    await allOrdered(validators, names)
    for (const { replica } of validators) assert.equal(replica!.status().equivocations, 0)
    committee.assertAgreement()
  })

  it('come back with the same state after many restarts', async () => {
    committee = await TestCommittee.create(4, { commitsPerSchedule: 20 })
    const { validators } = committee
    await Promise.all(validators.map((validator) => validator.start()))
    const names: string[] = []
    for (let turn = 0; turn < 4; turn++) {
      const one = validators[turn % 4]!
      await one.stop()
      const before = commitsOf(validators[(turn + 1) % 4]!)
      await until(() => commitsOf(validators[(turn + 1) % 4]!) > before + 8, 'the others go on')
      await one.start()
      names.push(...(await load(validators, `turn ${turn}`, 8)))
    }
    await allOrdered(validators, names)
    committee.assertAgreement()
  })

  it('keep the log small, as far as recovery, consumer and history allow', async () => {
    committee = await TestCommittee.create(4, { commitsPerSchedule: 20, minRoundDelayMs: 2 })
    const { validators } = committee
    const limits = { segmentBytes: 65_536, retainBytes: 200_000 }
    await Promise.all(validators.map((validator) => validator.start(limits)))
    await until(() => validators.every(({ replica }) => replica!.status().firstCommitKept > 1), 'segments are dropped')
    const one = validators[0]!
    await one.stop()
    await one.start(limits)
    const before = commitsOf(one)
    await until(() => commitsOf(one) > before + 50, 'it goes on after a restart from what is left')
    committee.assertAgreement()
  })

  it('refuse what does not fit, and what comes after the end', async () => {
    committee = await TestCommittee.create(1, { maxTransactionBytes: 10 })
    const [alone] = committee.validators as [TestValidator]
    const replica = await alone.start({ maxQueuedTransactions: 5 })
    assert.equal(await alone.submit('eleven bytes'), 'tooLarge')
    const results = await Promise.all(Array.from({ length: 8 }, (_, n) => alone.submit(`${n}`)))
    assert.equal(results.filter((result) => result === 'queueFull').length, 3)
    await until(() => alone.transactions.length === 5, 'a committee of one orders')
    await alone.stop()
    assert.equal(await new Promise((resolve) => replica.submit(Buffer.from('x'), resolve)), 'stopped')
  })

  it('refuse the log of another validator', async () => {
    committee = await TestCommittee.create(4)
    const { validators } = committee
    const [a, b] = validators as [TestValidator, TestValidator]
    await Promise.all(validators.map((validator) => validator.start()))
    await load([a], 'one', 1)
    await Promise.all(validators.map((validator) => validator.stop()))
    Object.assign(b, { folder: a.folder })
    await assert.rejects(b.start(), { code: 'WAL_OF_ANOTHER_VALIDATOR' })
  })
})
