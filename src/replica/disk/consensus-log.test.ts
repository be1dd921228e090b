import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Chain, committee, makeChains } from '../../../test/replica/chain.ts'
import { recoverConsensus } from '../../consensus/consensus.ts'
import { statusOf } from '../../consensus/queries.ts'
import type { LogRecord } from '../../consensus/types.ts'
import { verifyCommits } from '../../consensus/verify-commits.ts'
import { ConsensusLog } from './consensus-log.ts'
import { FileDisk } from './file-disk.ts'
import { decodeSegmentHead } from './segment-summary.ts'

let folder: string
const disks: FileDisk[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drawbridge-log-'))
})
afterEach(() => {
  for (const disk of disks.splice(0)) disk.close(() => {})
  rmSync(folder, { recursive: true, force: true })
})

const parameters = { commitsPerSchedule: 20 }
const chains = makeChains(150, parameters)
const chain: Chain = chains[0]

function newLog(segmentBytes = 20_000, retainBytes = 1e9, own = 0): ConsensusLog {
  const disk = new FileDisk(folder)
  disks.push(disk)
  return new ConsensusLog({ disk, committee, own, gcDepth: 60, segmentBytes, retainBytes })
}

function write(log: ConsensusLog, records: readonly LogRecord[]): Promise<void> {
  log.append(records)
  return new Promise((resolve, reject) => log.sync((error) => (error === undefined ? resolve() : reject(error))))
}

async function written(records: readonly LogRecord[] = chain.records): Promise<ConsensusLog> {
  const log = newLog()
  log.recover()
  await write(log, records)
  return log
}

const segments = (): string[] => readdirSync(folder).sort()
const pathOf = (at: number): string => join(folder, segments().at(at)!)

describe('the log of a validator', () => {
  it('gives back a state like the one that wrote it', async () => {
    await written()
    const { checkpoint, records, empty, cutBytes } = newLog().recover()
    assert.deepEqual([empty, cutBytes], [false, 0])
    assert.ok(segments().length > 5, 'it spans many segments')
    const recovered = statusOf(recoverConsensus(chain.seams, checkpoint, records))
    const { round, lastCommit, lastCommitRound, lastDeliveredIndex, lastProposedRound, gcRound } = statusOf(chain.state)
    assert.deepEqual(
      { ...recovered, ...{ round, lastCommit, lastCommitRound, lastDeliveredIndex, lastProposedRound, gcRound } },
      recovered,
    )
  })

  it('reads at a start only what recovery needs', async () => {
    await written()
    const { records } = newLog().recover()
    const read = [...records].length
    assert.ok(read < chain.records.length * 0.8, `${read} of ${chain.records.length} records`)
  })

  it('is empty where nothing was written, and remembers nothing', () => {
    const { checkpoint, records, empty } = newLog().recover()
    assert.deepEqual([checkpoint, [...records], empty], [undefined, [], true])
  })

  it('keeps what was synced when the tail is torn at any byte', async () => {
    await written()
    const whole = statSync(pathOf(-1)).size
    for (let cut = whole - 1; cut >= 0; cut -= 97) {
      truncateSync(pathOf(-1), cut)
      const { checkpoint, records } = newLog().recover()
      const { lastCommit } = statusOf(recoverConsensus(chain.seams, checkpoint, records))
      if (segments().length === 0) break
      assert.equal(chain.delivered[lastCommit.index - 1]?.commitRef.digest, lastCommit.digest)
    }
  })

  it('cuts at damage in a segment that it needs, together with all that follows', async () => {
    await written()
    const at = segments().length - 2
    const path = pathOf(at)
    const bytes = Buffer.alloc(statSync(path).size, 0)
    writeFileSync(path, bytes)
    const log = newLog()
    const { cutBytes, checkpoint, records } = log.recover()
    assert.ok(cutBytes > 0)
    assert.equal(segments().length <= at + 1, true)
    recoverConsensus(chain.seams, checkpoint, records)
  })

  it('goes on after a cut, and once more', async () => {
    const half = Math.floor(chain.records.length / 2)
    await written(chain.records.slice(0, half))
    appendFileSync(pathOf(-1), 'rubbish')
    const log = newLog()
    assert.equal(log.recover().cutBytes, 7)
    await write(log, chain.records.slice(half))
    const again = newLog()
    const { checkpoint, records, cutBytes } = again.recover()
    assert.equal(cutBytes, 0)
    const { lastCommit } = statusOf(recoverConsensus(chain.seams, checkpoint, records))
    assert.equal(lastCommit.digest, chain.delivered.at(-1)!.commitRef.digest)
  })

  it('refuses the log of another validator', async () => {
    await written()
    assert.throws(() => newLog(20_000, 1e9, 1).recover(), { code: 'WAL_OF_ANOTHER_VALIDATOR' })
  })

  it('removes only what neither recovery nor the consumer needs', async () => {
    const log = newLog(20_000, 30_000)
    log.recover()
    await write(log, chain.records)
    const all = segments().length
    log.collect(0)
    assert.equal(segments().length, all, 'the consumer has nothing yet')
    const index = 130
    log.collect(index)
    assert.ok(segments().length < all)
    for (const { commitRef } of chain.delivered.slice(index)) {
      assert.equal(log.history.subDag(commitRef.index, false)?.commitRef.digest, commitRef.digest)
    }
    log.collect(chain.delivered.length)
    const { checkpoint, records } = newLog().recover()
    const { lastCommit } = statusOf(recoverConsensus(chain.seams, checkpoint, records))
    assert.equal(lastCommit.digest, chain.delivered.at(-1)!.commitRef.digest)
  })
})

describe('the heads of segments', () => {
  const small = 1_000
  const all = (log: ConsensusLog): void => {
    for (const { commitRef } of chain.delivered) {
      assert.equal(log.history.commit(commitRef.index)?.ref.digest, commitRef.digest)
    }
  }

  it('take no more space in a long log than in a short one, but for a logarithm', async () => {
    const records = chain.records.slice(0, 512)
    const bytesOf = (count: number): number => {
      const disk = new FileDisk(join(folder, `${count}`))
      disks.push(disk)
      const log = new ConsensusLog({ disk, committee, own: 0, gcDepth: 60, segmentBytes: small, retainBytes: 1e9 })
      log.recover()
      for (let n = 0; n < count; n++) log.append([records[n % records.length]!])
      return disk.segments().reduce((sum, segment) => sum + disk.size(segment), 0)
    }
    const [short, long] = [bytesOf(500), bytesOf(4_000)]
    assert.ok(long < 8 * short * 1.5, `${short} bytes for 500 records, ${long} for 4,000`)
  })

  it('tell of all older segments after a restart, however the number of segments falls', async () => {
    for (const count of [1, 2, 3, 40, 63, 64, 65, 200]) {
      rmSync(folder, { recursive: true, force: true })
      const log = newLog(small)
      log.recover()
      await write(log, chain.records.slice(0, count))
      const again = newLog(small)
      again.recover()
      await write(again, chain.records.slice(count))
      all(again)
      const once = newLog(small)
      once.recover()
      all(once)
      assert.equal(once.history.firstCommit, 1)
    }
  })

  it('are followed past segments that are gone or damaged', async () => {
    const log = newLog(small)
    log.recover()
    await write(log, chain.records)
    const names = segments()
    // Every chain of heads from above 256 goes through it; from the one below it, through 192.
    rmSync(join(folder, names[256 - 1]!))
    writeFileSync(join(folder, names[192 - 1]!), Buffer.alloc(500))
    const again = newLog(small)
    again.recover()
    assert.equal(segments().length, names.length - 1)
    const lost = chain.delivered.filter(({ commitRef }) => again.history.commit(commitRef.index) === undefined)
    assert.ok(lost.length <= 4, `${lost.length} commits are lost`)
    assert.equal(again.history.firstCommit, 1)
  })

  it('of the first version, which told of all, are still read', () => {
    const summary = { segment: 3, minRound: 1, maxRound: 2, firstCommit: 0, lastCommit: 0, firstLeaderRound: 0 }
    const old = Buffer.from(JSON.stringify({ version: 1, committee: 'c', authority: 0, older: [summary] }))
    const head = decodeSegmentHead(old)
    assert.deepEqual([head.since, head.older], [0, [summary]])
    assert.throws(() => decodeSegmentHead(Buffer.from('{"version":9}')), { code: 'WAL_DAMAGED' })
  })
})

describe('the history in the log', () => {
  it('gives every sub-DAG as it was delivered, before and after a restart', async () => {
    const log = await written()
    const later = newLog()
    later.recover()
    for (const { history } of [log, later]) {
      for (const subDag of chain.delivered) {
        const { blocks, ...rest } = history.subDag(subDag.commitRef.index, false)!
        const { blocks: wanted, ...expected } = subDag
        assert.deepEqual(rest, expected)
        assert.deepEqual(
          blocks.map(({ ref }) => ref),
          wanted.map(({ ref }) => ref),
        )
      }
    }
    assert.equal(log.history.subDag(chain.delivered.length + 1, false), undefined)
    assert.equal(log.history.firstCommit, 1)
  })

  it('proves a range of commits by votes', async () => {
    const { history } = await written()
    const previous = history.commit(10)!
    const commits = [11, 12, 13, 14].map((index) => history.commit(index)!)
    const voters = history.voters(commits.at(-1)!.ref)!
    assert.equal(verifyCommits(committee, previous.ref, commits, voters), undefined)
    assert.equal(history.voters({ index: 14, digest: '00'.repeat(32) }), undefined)
  })

  it('finds the votes when not even a round fits into a segment', async () => {
    const log = newLog(1_000)
    log.recover()
    await write(log, chain.records)
    assert.ok(segments().length > 150, 'it spans more segments than rounds')
    const commits = [11, 12, 13, 14].map((index) => log.history.commit(index)!)
    const voters = log.history.voters(commits.at(-1)!.ref)!
    assert.equal(verifyCommits(committee, log.history.commit(10)!.ref, commits, voters), undefined)
  })

  it('opens no more segments for a question than allowed', async () => {
    const log = await written()
    const first = chain.delivered[0]!.blocks[0]!.ref
    assert.equal(log.history.block(first, { left: 0 }), undefined)
    assert.notEqual(log.history.block(first, { left: 1 }), undefined)
    const budget = { left: 3 }
    for (const { leader } of chain.delivered) log.history.block(leader, budget)
    assert.equal(budget.left, 0)
  })

  it('sees what is being appended, and forgets its indices when nobody asks', async () => {
    const log = newLog()
    log.recover()
    for (const record of chain.records.slice(0, 60)) {
      log.append([record])
      if (record.type === 'block')
        assert.equal(log.history.block(record.block.ref)?.ref.digest, record.block.ref.digest)
    }
    log.history.rest()
    log.history.rest()
    const block = chain.records.find((record) => record.type === 'block')
    assert.ok(block?.type === 'block' && log.history.block(block.block.ref) !== undefined)
  })
})
