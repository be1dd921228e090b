import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { committee, makeChains } from '../../../test/replica/chain.ts'
import { decodeSignedBlock, sealBlock } from '../../consensus/block-codec.ts'
import { blockLimits } from '../../consensus/block-limits.ts'
import { beforeFirstCommit } from '../../consensus/commit-codec.ts'
import { createConsensus, step } from '../../consensus/consensus.ts'
import { defaultParameters } from '../../consensus/parameters.ts'
import { blockOf } from '../../consensus/queries.ts'
import type { CertifiedCommit, LogRecord, SealedCommit, SignedBlock } from '../../consensus/types.ts'
import { verifySignature } from '../../consensus/verify-block.ts'
import { silentLog } from '../../core/log.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { maxBlockBytes } from '../block-limits.ts'
import { defaultReplicaParameters } from '../parameters.ts'
import {
  decodeFetchBlocks,
  decodeFetchCommits,
  encodeCommitsReply,
  encodeList,
  type Method,
  method,
} from '../peers/messages.ts'
import type { PeerQuestions } from '../peers/peers.ts'
import { CommitSync } from './commit-sync.ts'

const chain = makeChains(120)[0]
const commits = chain.records.flatMap((record): SealedCommit[] => (record.type === 'commit' ? [record.sealed] : []))
const blocks = new Map(
  chain.records.flatMap((record: LogRecord): [string, SignedBlock][] =>
    record.type === 'block' ? [[record.block.ref.digest, record.block]] : [],
  ),
)

function votersOf({ ref }: SealedCommit): SignedBlock[] {
  const found = new Map<number, SignedBlock>()
  for (const block of blocks.values()) {
    if (block.block.commitVotes.some(({ digest }) => digest === ref.digest)) found.set(block.ref.author, block)
  }
  return [...found.values()]
}

type Behaviour = (asked: Method, body: Uint8Array) => Uint8Array | undefined

/** An honest peer: every commit that has its votes, and every block, a few at a time. */
const honest: Behaviour = (asked, body) => {
  if (asked === method.fetchBlocks) {
    const { refs } = decodeFetchBlocks(body, 1000)
    return encodeList(refs.slice(0, 7).flatMap(({ digest }) => blocks.get(digest)?.bytes ?? []))
  }
  const { from, to } = decodeFetchCommits(body)
  return proven(commits.slice(from - 1, Math.min(to, commits.length - 5)))
}

function proven(
  range: readonly SealedCommit[],
  voters = range.length === 0 ? [] : votersOf(range.at(-1)!),
): Uint8Array {
  return encodeCommitsReply({ commits: range.map(({ bytes }) => bytes), voters: voters.map(({ bytes }) => bytes) })
}

function setUp(behaviours: readonly Behaviour[], batch = 20, maxHeldBytes = 16 * 1024 * 1024) {
  const clock = new VirtualClock()
  const state = createConsensus({ ...chain.seams, own: 3 })
  const applied: CertifiedCommit[] = []
  const malformed: number[] = []
  const asked: string[] = []
  const peers: PeerQuestions = {
    connected: behaviours.map((_, peer) => peer),
    pick: (count) => behaviours.map((_, peer) => peer).slice(0, count),
    ask: (peer, wanted, body, _timeout, answer) => {
      asked.push(`${peer} ${wanted === method.fetchCommits ? 'commits' : 'blocks'}`)
      clock.after(10, () => answer(behaviours[peer]!(wanted, body)))
    },
  }
  const sync = new CommitSync({
    committee,
    limits: blockLimits(committee, defaultParameters),
    maxBlockBytes: maxBlockBytes(committee, defaultParameters),
    clock,
    log: silentLog,
    peers,
    parameters: { ...defaultReplicaParameters, commitSyncBatch: batch },
    position: () => ({ lastCommit: state.head.ref, quorumCommitIndex: commits.length }),
    known: (ref) => blockOf(state, ref),
    check: (_from, items, done) => {
      const decoded = items.map((bytes) => decodeSignedBlock(bytes, committee))
      done(decoded.filter((block) => verifySignature(committee, block)))
    },
    onCommits: (ready) => {
      applied.push(...ready)
      step(state, { type: 'certifiedCommits', commits: ready }, clock.wall())
    },
    onMalformed: (from) => malformed.push(from),
    maxHeldBytes,
  })
  sync.start()
  return { clock, state, applied, malformed, asked, sync }
}

describe('commit sync', () => {
  it('brings a validator from nothing to the last proven commit, each commit once and in order', () => {
    const { clock, state, applied, malformed, sync } = setUp([honest, honest])
    clock.advance(20_000)
    assert.equal(state.head.ref.digest, commits.at(-6)!.ref.digest)
    assert.deepEqual(
      applied.map(({ sealed }) => sealed.ref.index),
      Array.from({ length: commits.length - 5 }, (_, at) => at + 1),
    )
    assert.equal(sync.fetchedCommits, commits.length - 5)
    assert.deepEqual(malformed, [])
  })

  it('does not unpack the votes of a block that may carry none', () => {
    const bloated: Behaviour = (asked, body) => {
      if (asked !== method.fetchBlocks) return honest(asked, body)
      const block = blocks.get(decodeFetchBlocks(body, 1000).refs[0]!.digest)!
      const vote = { block: block.block.ancestors[0]!, rejects: [0] }
      const fields = { ...block.block, transactions: [], transactionVotes: Array.from({ length: 5000 }, () => vote) }
      return encodeList([sealBlock(committee, fields, () => new Uint8Array(64)).bytes])
    }
    const { clock, state, malformed } = setUp([bloated, honest])
    clock.advance(120_000)
    assert.equal(state.head.ref.digest, commits.at(-6)!.ref.digest)
    assert.ok(malformed.length > 0 && malformed.every((peer) => peer === 0))
  })

  it('does the same in batches of any size', () => {
    for (const batch of [1, 2, 50, 1000]) {
      const { clock, state } = setUp([honest], batch)
      clock.advance(120_000)
      assert.equal(state.head.ref.index, commits.length - 5, `batch of ${batch}`)
    }
  })

  const swapped = [...commits.slice(0, 4), commits[6]!, commits[5]!]
  const lies: Readonly<Record<string, Behaviour>> = {
    'a chain with a gap': (asked, body) =>
      asked === method.fetchCommits ? proven([commits[0]!, commits[2]!]) : honest(asked, body),
    'commits out of order': (asked, body) => (asked === method.fetchCommits ? proven(swapped) : honest(asked, body)),
    'too few votes': (asked, body) =>
      asked === method.fetchCommits
        ? proven(commits.slice(0, 5), votersOf(commits[4]!).slice(0, 2))
        : honest(asked, body),
    'one vote many times': (asked, body) => {
      const [vote] = votersOf(commits[4]!)
      return asked === method.fetchCommits ? proven(commits.slice(0, 5), [vote!, vote!, vote!]) : honest(asked, body)
    },
    'votes for another commit': (asked, body) =>
      asked === method.fetchCommits ? proven(commits.slice(0, 5), votersOf(commits[7]!)) : honest(asked, body),
    'more commits than asked for': (asked, body) =>
      asked === method.fetchCommits ? proven(commits.slice(0, 50)) : honest(asked, body),
    'nonsense for commits': (asked, body) =>
      asked === method.fetchCommits ? Buffer.from('nonsense') : honest(asked, body),
    'nonsense for blocks': (asked, body) =>
      asked === method.fetchBlocks ? encodeList([Buffer.from('nonsense')]) : honest(asked, body),
  }
  for (const [lie, liar] of Object.entries(lies)) {
    it(`blames a peer for ${lie}, and gets on with the others`, () => {
      const { clock, state, malformed } = setUp([liar, honest])
      clock.advance(60_000)
      assert.ok(malformed.length > 0 && malformed.every((peer) => peer === 0))
      assert.equal(state.head.ref.index, commits.length - 5)
    })
  }

  it('does not trust blocks that nobody asked for, and asks others for what a peer withholds', () => {
    const other = [...blocks.values()][50]!
    const wrong: Behaviour = (asked, body) =>
      asked === method.fetchBlocks ? encodeList([other.bytes, other.bytes]) : honest(asked, body)
    const silent: Behaviour = () => undefined
    const { clock, state, malformed } = setUp([silent, wrong, honest])
    clock.advance(120_000)
    assert.ok(malformed.length > 0 && malformed.every((peer) => peer === 1))
    assert.equal(state.head.ref.index, commits.length - 5)
  })

  it('asks for what the next commit lacks, however much a peer has sent for later ones', () => {
    const first = commits[0]!.commit.blocks[0]!.digest
    let withheld = 0
    const lastFirst: Behaviour = (asked, body) => {
      if (asked === method.fetchCommits) return honest(asked, body)
      const { refs } = decodeFetchBlocks(body, 1000)
      if (refs.some(({ digest }) => digest === first)) withheld++
      return encodeList(refs.flatMap(({ digest }) => (digest === first ? [] : (blocks.get(digest)?.bytes ?? []))))
    }
    const { clock, state } = setUp([lastFirst, honest], 20, 1_000)
    clock.advance(120_000)
    assert.ok(withheld > 0)
    assert.equal(state.head.ref.index, commits.length - 5)
  })

  it('leaves a small lag to the live protocol, unless that does not move', () => {
    const { clock, asked, state } = setUp([honest], 1000)
    clock.advance(2_500)
    assert.equal(state.head.ref.index, beforeFirstCommit.index)
    assert.deepEqual(asked, [])
    clock.advance(60_000)
    assert.equal(state.head.ref.index, commits.length - 5)
  })

  it('stops asking when it is stopped', () => {
    const { clock, asked, sync } = setUp([honest])
    sync.stop()
    clock.advance(60_000)
    assert.deepEqual(asked, [])
  })
})
