import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { committee, makeChains } from '../../../test/replica/chain.ts'
import { blockOf } from '../../consensus/queries.ts'
import type { BlockRef, SignedBlock } from '../../consensus/types.ts'
import { silentLog } from '../../core/log.ts'
import { ConsensusLog } from '../disk/consensus-log.ts'
import { FileDisk } from '../disk/file-disk.ts'
import type { History } from '../disk/history.ts'
import { defaultReplicaParameters as parameters } from '../parameters.ts'
import { Answers } from './answers.ts'
import {
  decodeCommitsReply,
  decodeList,
  encodeAuthorities,
  encodeFetchBlocks,
  encodeFetchCommits,
  type Method,
  method,
} from './messages.ts'

const own = 0
const chain = makeChains(100)[own]
const blocks = chain.records.flatMap((record): SignedBlock[] => (record.type === 'block' ? [record.block] : []))
const ownBlocks = blocks.filter(({ ref }) => ref.author === own)
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-answers-'))
let log: ConsensusLog

before(() => {
  const disk = new FileDisk(folder)
  log = new ConsensusLog({ disk, committee, own, gcDepth: 60, segmentBytes: 1e6, retainBytes: 1e9 })
  log.recover()
  log.append(chain.records)
})
after(() => {
  log.close(() => {})
  rmSync(folder, { recursive: true, force: true })
})

/** Answers of a validator whose own blocks are safe up to a round. */
function answering(safeRound: number, history: History = log.history) {
  const answers = new Answers({
    committee,
    parameters,
    history,
    log: silentLog,
    blockInMemory: (ref) => blockOf(chain.state, ref),
    lowestRound: () => chain.state.dag.lowestRound,
    mayShow: ({ ref }) => ref.author !== own || ref.round <= safeRound,
    latestOf: (author) => blocks.findLast(({ ref }) => ref.author === author),
    latestRounds: () => ({ received: [], accepted: [] }),
    held: () => [],
    certifiedIndex: () => chain.state.head.ref.index,
  })
  return (asked: Method, body: Uint8Array) => answers.answer({ type: 'request', id: 1, method: asked, body })
}

const holds = (items: readonly Uint8Array[], block: SignedBlock): boolean =>
  items.some((item) => Buffer.compare(item, block.bytes) === 0)

describe('answers', () => {
  it('search the disk for nothing that would be in memory, however often others are made to ask for it', () => {
    const searched: number[] = []
    const history = Object.create(log.history, {
      block: {
        value: ({ round }: BlockRef) => {
          searched.push(round)
          return undefined
        },
      },
    }) as History
    const { lowestRound, highestRound } = chain.state.dag
    assert.ok(lowestRound > 1)
    const ask = answering(1_000, history)
    const refs = Array.from({ length: highestRound + 50 }, (_, at) => ({
      round: at + 1,
      author: 3,
      digest: 'ee'.repeat(32),
    }))
    for (let at = 0; at < refs.length; at += parameters.blocksPerFetch) {
      ask(method.fetchBlocks, encodeFetchBlocks({ refs: refs.slice(at, at + parameters.blocksPerFetch), accepted: [] }))
    }
    assert.deepEqual(
      searched,
      Array.from({ length: lowestRound - 1 }, (_, at) => at + 1),
    )
  })

  it('never hold an own block that is not safe on the disk, wherever it is found and however it is asked for', () => {
    const safe = ownBlocks[Math.floor(ownBlocks.length / 2)]!.ref.round
    const ask = answering(safe)
    const items: Uint8Array[] = []
    for (const { ref } of blocks) {
      for (const asked of [ref, { ...ref, author: 2 }]) {
        for (const accepted of [[], [0, 0, 0, 0]]) {
          const body = encodeFetchBlocks({ refs: [asked], accepted })
          items.push(...decodeList(ask(method.fetchBlocks, body)!, 1_000))
        }
      }
    }
    for (let to = 1; to <= chain.delivered.length; to++) {
      const body = ask(method.fetchCommits, encodeFetchCommits({ from: to, to }))
      if (body !== undefined) items.push(...decodeCommitsReply(body, 100, 4).voters)
    }
    items.push(...decodeList(ask(method.latestBlocks, encodeAuthorities([0, 1, 2, 3]))!, 4))
    for (const block of ownBlocks)
      assert.equal(holds(items, block), block.ref.round <= safe, `round ${block.ref.round}`)
  })

  it('prove a commit with the votes of others where our own may not be shown', () => {
    const ask = answering(0)
    const { voters } = decodeCommitsReply(ask(method.fetchCommits, encodeFetchCommits({ from: 1, to: 20 }))!, 100, 4)
    assert.equal(voters.length, 3)
    for (const block of ownBlocks) assert.ok(!holds(voters, block))
  })
})
