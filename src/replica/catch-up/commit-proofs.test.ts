import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { FakeValidator, fakeCommittee } from '../../../test/fake/committee.ts'
import { made } from '../../../test/fake/committee-network.ts'
import { decodeSignedBlock } from '../../consensus/block-codec.ts'
import { beforeFirstCommit, sealCommit } from '../../consensus/commit-codec.ts'
import { genesisBlocks } from '../../consensus/genesis.ts'
import { defaultParameters } from '../../consensus/parameters.ts'
import type { CommitRef, SealedCommit, SignedBlock } from '../../consensus/types.ts'
import { verifySignature } from '../../consensus/verify-block.ts'
import { type Log, silentLog } from '../../core/log.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { maxBlockBytes, maxFrameBytes } from '../block-limits.ts'
import { ConsensusLog } from '../disk/consensus-log.ts'
import { FileDisk } from '../disk/file-disk.ts'
import { defaultReplicaParameters as parameters } from '../parameters.ts'
import { Answers } from '../peers/answers.ts'
import { encodeCommitsReply, encodeList, type Method, method } from '../peers/messages.ts'
import type { PeerQuestions } from '../peers/peers.ts'
import { CommitProofs, type ProvenCommits } from './commit-proofs.ts'

const many = fakeCommittee(new Array<number>(40).fill(1))
const { committee } = many
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-proofs-'))
after(() => rmSync(folder, { recursive: true, force: true }))

type Behaviour = (asked: Method, body: Uint8Array) => Uint8Array | undefined

/** One who asks peers of these behaviours, and what came of it. */
function asking(behaviours: readonly Behaviour[]) {
  const clock = new VirtualClock()
  const answers: { peer: number; asked: Method; bytes: number }[] = []
  const faults: string[] = []
  const blamed: number[] = []
  const log = {
    ...silentLog,
    warn: ({ fault, error }: { fault?: string; error?: string }) => faults.push(fault ?? error!),
  }
  const peers: PeerQuestions = {
    connected: behaviours.map((_, peer) => peer),
    pick: () => [],
    ask: (peer, asked, body, _timeout, answer) => {
      const reply = behaviours[peer]!(asked, body)
      answers.push({ peer, asked, bytes: reply?.length ?? 0 })
      clock.after(10, () => answer(reply))
    },
  }
  const proofs = new CommitProofs({
    committee,
    clock,
    log: log as unknown as Log,
    peers,
    parameters,
    maxBlockBytes: maxBlockBytes(committee, defaultParameters),
    check: (_from, items, done) => {
      const decoded = items.map((bytes) => decodeSignedBlock(bytes, committee))
      done(decoded.filter((block) => verifySignature(committee, block)))
    },
    onMalformed: (peer) => blamed.push(peer),
  })
  const ask = (peer: number, to: number, previous: CommitRef = beforeFirstCommit): (ProvenCommits | undefined)[] => {
    const results: (ProvenCommits | undefined)[] = []
    proofs.ask({ peer, previous, to, timeoutMs: 1_000 }, (result) => results.push(result))
    return results
  }
  return { clock, ask, answers, faults, blamed }
}

/** What a validator among forty has written while all of them filled their blocks. */
function fullBlocks(rounds: number): FakeValidator {
  const validator = new FakeValidator(many, 0)
  const transactions = [0, 1].map((fill) => Buffer.alloc(defaultParameters.maxTransactionBytes, fill))
  validator.begin()
  let below: readonly SignedBlock[] = genesisBlocks(committee)
  let voted = 0
  for (let round = 1; round <= rounds; round++) {
    const commits = validator.log.flatMap((record) => (record.type === 'commit' ? record.sealed.ref : []))
    const commitVotes = commits.slice(voted)
    voted = commits.length
    const others = committee.authorities.flatMap((_, author) =>
      author === 0 ? [] : made(many, author, below, { transactions, commitVotes }),
    )
    below = [...validator.sent.filter(({ ref }) => ref.round === round), ...others]
    validator.step({ type: 'blocks', from: 1, blocks: others })
  }
  return validator
}

/** An honest peer with this log on its disk. */
function answering({ log: records, state, seams }: FakeValidator): Behaviour {
  const disk = new FileDisk(mkdtempSync(join(folder, 'log-')))
  const { segmentBytes, retainBytes } = parameters
  const log = new ConsensusLog({ disk, committee, own: seams.own, gcDepth: 60, segmentBytes, retainBytes })
  log.recover()
  log.append(records)
  const answers = new Answers({
    committee,
    parameters,
    history: log.history,
    log: silentLog,
    blockInMemory: () => undefined,
    lowestRound: () => 0,
    mayShow: () => true,
    latestOf: () => undefined,
    latestRounds: () => ({ received: [], accepted: [] }),
    held: () => [],
    certifiedIndex: () => state.certificates.head.ref.index,
  })
  return (asked, body) => answers.answer({ type: 'request', id: 1, method: asked, body })
}

/** A chain of commits that order blocks which nobody has, and votes for its end. */
function madeUp(count: number, blocks: number): { commits: readonly SealedCommit[]; voters: readonly SignedBlock[] } {
  const refs = Array.from({ length: blocks }, (_, at) => ({ round: at + 1, author: 0, digest: 'ab'.repeat(32) }))
  const commits: SealedCommit[] = []
  for (let index = 1; index <= count; index++) {
    const previousDigest = commits.at(-1)?.ref.digest ?? beforeFirstCommit.digest
    const common = { index, previousDigest, timestampMs: index, rejected: [], scores: [] }
    commits.push(sealCommit({ ...common, leader: refs[0]!, blocks: refs }))
  }
  const voters = committee.authorities.map((_, author) =>
    made(many, author, genesisBlocks(committee), { commitVotes: [commits.at(-1)!.ref] }),
  )
  return { commits, voters }
}

const reply = (commits: readonly SealedCommit[], voters: readonly SignedBlock[]): Uint8Array =>
  encodeCommitsReply({ commits: commits.map(({ bytes }) => bytes), voters: voters.map(({ bytes }) => bytes) })

describe('commits that peers prove', () => {
  it('come with the full blocks of a quorum of forty, in as many answers as these take', () => {
    const validator = fullBlocks(7)
    const certified = validator.state.certificates.head.ref
    assert.ok(certified.index >= 3)
    const { clock, ask, answers, blamed } = asking([answering(validator)])
    let proven: ProvenCommits | undefined
    const all: SealedCommit[] = []
    // Where a round fills more than a segment, an answer brings no more commits than it may open segments.
    for (let tries = 0; tries < 4 && all.at(-1)?.ref.index !== certified.index; tries++) {
      const results = ask(0, 100, all.at(-1)?.ref)
      clock.advance(10_000)
      proven = results[0]
      all.push(...(proven?.commits ?? []))
    }
    assert.deepEqual(all.at(-1)?.ref, certified)
    assert.ok(proven !== undefined)
    assert.equal(new Set(proven.voters.map(({ ref }) => ref.author)).size, committee.quorum)
    const bytes = proven.voters.reduce((sum, block) => sum + block.bytes.length, 0)
    assert.ok(bytes > 13 * 2 ** 20, `${bytes} bytes of votes`)
    assert.equal(answers[0]?.asked, method.fetchCommits)
    assert.ok(answers.filter(({ asked }) => asked === method.commitVoters).length >= 3)
    for (const answer of answers) assert.ok(answer.bytes < parameters.maxReplyBytes + 1_000)
    assert.ok(parameters.maxReplyBytes < maxFrameBytes)
    assert.deepEqual(blamed, [])
  })

  it('are not looked into before a quorum stands behind them', () => {
    const { commits, voters } = madeUp(3, 10)
    const broken = commits.map(({ bytes }) => Buffer.from(bytes).fill(0xff, 82))
    const bytes = voters.slice(0, committee.quorum - 1).map((block) => block.bytes)
    const { clock, ask, faults, blamed } = asking([
      () => encodeCommitsReply({ commits: broken.slice(0, 1), voters: bytes }),
    ])
    const results = ask(0, 100)
    clock.advance(1_000)
    assert.deepEqual([results, faults, blamed], [[undefined], ['noVoteQuorum'], [0]])
  })

  it('are read in pieces, so that the thread is never held for long', () => {
    const { commits, voters } = madeUp(90, 4_500)
    const bytes = commits.reduce((sum, commit) => sum + commit.bytes.length, 0)
    assert.ok(bytes > 14 * 2 ** 20)
    const { clock, ask } = asking([() => reply(commits, voters.slice(0, committee.quorum))])
    const results = ask(0, 100)
    let pieces = 0
    while (clock.step()) pieces++
    assert.equal(results[0]?.commits.length, commits.length)
    assert.ok(pieces >= bytes / 2 ** 20, `${pieces} pieces`)
  })

  it('are refused from whoever shows votes one by one, twice, or for something else', () => {
    const { commits, voters } = madeUp(3, 10)
    const others = madeUp(4, 10).voters
    const lies: readonly Behaviour[] = [
      () => reply(commits, voters.slice(0, 1)),
      () => reply(commits, []),
      () => reply(commits, new Array<SignedBlock>(committee.quorum).fill(voters[0]!)),
      () => reply(commits, others),
    ]
    const { clock, ask, answers, blamed } = asking(lies)
    const results = lies.flatMap((_, peer) => ask(peer, 100))
    clock.advance(60_000)
    assert.deepEqual(blamed, [0, 1, 2, 3])
    assert.equal(answers.length, 4, 'and nobody is asked again')
    assert.deepEqual(results, [])
  })

  it('hold the votes of one long proof at a time, and a liar in it does not keep the next from beginning', () => {
    const validator = fullBlocks(7)
    const honest = answering(validator)
    const liar: Behaviour = (asked, body) => (asked === method.fetchCommits ? honest(asked, body) : encodeList([]))
    const { clock, ask, blamed } = asking([liar, honest])
    const first = [ask(0, 100), ask(1, 100)]
    clock.advance(10_000)
    assert.deepEqual(first, [[undefined], [undefined]])
    assert.deepEqual(blamed, [0])
    const second = ask(1, 100)
    clock.advance(10_000)
    assert.ok(second[0] !== undefined && second[0].commits.length > 0)
  })
})
