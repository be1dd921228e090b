import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { committee, makeChains, signAs } from '../../../test/replica/chain.ts'
import { sealBlock } from '../../consensus/block-codec.ts'
import { blockLimits } from '../../consensus/block-limits.ts'
import { defaultParameters } from '../../consensus/parameters.ts'
import type { BlockRef, SignedBlock } from '../../consensus/types.ts'
import { verifySignature } from '../../consensus/verify-block.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { OwnRoundQuestion } from '../catch-up/own-round.ts'
import { RoundProber } from '../catch-up/round-prober.ts'
import { Synchronizer } from '../catch-up/synchronizer.ts'
import { defaultReplicaParameters as parameters } from '../parameters.ts'
import {
  decodeFetchBlocks,
  type encodeFetchBlocks,
  encodeLatestRounds,
  encodeList,
  type Method,
  method,
} from './messages.ts'
import type { PeerQuestions } from './peers.ts'

type Body = ReturnType<typeof encodeFetchBlocks>
type Peer = (asked: Method, body: Body) => Uint8Array | undefined

/** Peers 1, 2, 3 … that answer after 10 ms. */
function fakePeers(clock: VirtualClock, peers: readonly Peer[]) {
  const asked: { readonly peer: number; readonly method: Method; readonly body: Body }[] = []
  const all = peers.map((_, at) => at + 1)
  const turn = (): number[] => {
    all.push(all.shift()!)
    return [...all]
  }
  const questions: PeerQuestions = {
    connected: [...all],
    pick: (count, first) =>
      turn()
        .sort((a, b) => Number(b === first) - Number(a === first))
        .slice(0, count),
    ask: (peer, wanted, body, _timeout, answer) => {
      asked.push({ peer, method: wanted, body })
      clock.after(10, () => answer(peers[peer - 1]!(wanted, body)))
    },
  }
  return { asked, questions }
}

const ref = (n: number): BlockRef => ({ round: n, author: 1, digest: `${n}`.padStart(64, '0') })
const chain = makeChains(10)[1]
const last = chain.records.findLast((record) => record.type === 'block' && record.own)
const ownBlock = last?.type === 'block' ? last.block : undefined!

describe('the synchroniser', () => {
  function setUp(peers: readonly Peer[], fetchSize = 100) {
    const clock = new VirtualClock()
    const { asked, questions } = fakePeers(clock, peers)
    const missing = new Map<string, BlockRef>()
    const got: string[] = []
    const malformed: number[] = []
    const synchronizer = new Synchronizer({
      clock,
      peers: questions,
      parameters: { ...parameters, blocksPerFetch: fetchSize },
      missing: (limit) => [...missing.values()].slice(0, limit),
      isMissing: ({ digest }) => missing.has(digest),
      acceptedRounds: () => [1, 2, 3, 4],
      onBlocks: ({ items }) => {
        for (const item of items) {
          const text = Buffer.from(item).toString()
          got.push(text)
          missing.delete(text)
        }
      },
      onMalformed: (from) => malformed.push(from),
    })
    synchronizer.start()
    const miss = (from: number, ...rounds: number[]): void => {
      for (const round of rounds) missing.set(ref(round).digest, ref(round))
      synchronizer.onMissing(from, rounds.map(ref))
    }
    return { clock, asked, missing, got, malformed, miss, synchronizer }
  }
  const generous: Peer = (_, body) =>
    encodeList(decodeFetchBlocks(body, 1000).refs.map(({ digest }) => Buffer.from(digest)))

  it('gives ancestors a moment to come by themselves', () => {
    const { clock, asked, missing, miss } = setUp([generous])
    miss(1, 5)
    clock.advance(10)
    missing.clear()
    clock.advance(2_000)
    assert.deepEqual(asked, [])
  })

  it('asks the peer that showed the gap, once, and says what we have', () => {
    const { clock, asked, got, miss } = setUp([generous, generous])
    miss(2, 5, 6)
    clock.advance(400)
    assert.deepEqual(
      asked.map(({ peer }) => peer),
      [2],
    )
    const body = decodeFetchBlocks(asked[0]!.body, 10)
    assert.deepEqual(body, { refs: [ref(5), ref(6)], accepted: [1, 2, 3, 4] })
    assert.deepEqual(got, [ref(5).digest, ref(6).digest])
  })

  it('asks others for what a peer has not got', () => {
    const { clock, asked, missing, miss } = setUp([() => undefined, generous, generous], 1)
    miss(1, 5, 6, 7)
    clock.advance(3_000)
    assert.equal(missing.size, 0)
    assert.ok(asked.some(({ peer }) => peer !== 1))
  })

  it('finds the one peer that has a withheld block at the next look', () => {
    const { clock, missing, miss } = setUp([() => undefined, () => undefined, generous])
    miss(1, 5)
    clock.advance(parameters.fetchIntervalMs + 100)
    assert.equal(missing.size, 0)
  })

  it('counts answers that cannot be read, and stops when told', () => {
    const { clock, asked, malformed, miss, synchronizer } = setUp([() => Buffer.from('x')])
    miss(1, 5)
    clock.advance(100)
    assert.deepEqual(malformed, [1])
    synchronizer.stop()
    const before = asked.length
    clock.advance(10_000)
    assert.equal(asked.length, before)
  })
})

describe('the round prober', () => {
  function setUp(received: readonly (number | undefined)[], proposed: number) {
    const clock = new VirtualClock()
    const delays: number[] = []
    const malformed: number[] = []
    const peers = received.map(
      (round): Peer =>
        () => {
          if (round === -1) return Buffer.from('x')
          return round === undefined
            ? undefined
            : encodeLatestRounds({ received: [round, 0, 0, 0], accepted: [0, 0, 0, 0] })
        },
    )
    const { questions, asked } = fakePeers(clock, peers)
    const prober = new RoundProber({
      committee,
      own: 0,
      clock,
      peers: questions,
      parameters,
      maxPropagationDelay: 5,
      lastProposedRound: () => proposed,
      onDelay: (rounds) => delays.push(rounds),
      onMalformed: (from) => malformed.push(from),
    })
    prober.start()
    clock.advance(5_500)
    return { delays, malformed, asked, clock }
  }

  it('measures by how much a quorum lags behind our blocks', () => {
    assert.equal(setUp([20, 18, 3], 20).delays.at(-1), 2)
    assert.equal(setUp([20, 20, 20], 20).delays.at(-1), 0)
    assert.equal(setUp([12, 11, 11], 20).delays.at(-1), 9)
  })

  it('says nothing before a quorum has answered, and nothing of those that do not answer', () => {
    assert.deepEqual(setUp([undefined, undefined, 0], 20).delays, [])
    assert.equal(setUp([undefined, 19, 18], 20).delays.at(-1), 2)
  })

  it('does not count what we proposed while an answer was on its way', () => {
    const clock = new VirtualClock()
    const delays: number[] = []
    let proposed = 100
    const { questions } = fakePeers(clock, [])
    const answer = encodeLatestRounds({ received: [100, 0, 0, 0], accepted: [0, 0, 0, 0] })
    const prober = new RoundProber({
      committee,
      own: 0,
      clock,
      peers: {
        ...questions,
        connected: [1, 2, 3],
        ask: (peer, _method, _body, _timeout, done) => void clock.after(peer * 500, () => done(answer)),
      },
      parameters,
      maxPropagationDelay: 5,
      lastProposedRound: () => proposed,
      onDelay: (rounds) => delays.push(rounds),
      onMalformed: () => assert.fail('a sound answer'),
    })
    prober.start()
    clock.advance(5_001)
    for (let step = 0; step < 20; step++) {
      proposed += 10
      clock.advance(100)
    }
    prober.stop()
    assert.deepEqual(delays, [0, 0])
  })

  it('hurries while we pause because of it, and counts nonsense', () => {
    const { clock, asked, malformed } = setUp([0, 0, -1], 20)
    const before = asked.length
    clock.advance(1_100)
    assert.ok(asked.length >= before + 6)
    assert.ok(malformed.includes(3))
  })
})

describe('the question for our last round', () => {
  function setUp(peers: readonly Peer[]) {
    const clock = new VirtualClock()
    const learned: number[] = []
    const malformed: number[] = []
    const { questions, asked } = fakePeers(clock, peers)
    const question = new OwnRoundQuestion({
      committee,
      limits: blockLimits(committee, defaultParameters),
      own: 1,
      clock,
      peers: questions,
      parameters,
      verifier: { verify: (blocks, done) => done(blocks.map((block) => verifySignature(committee, block))) },
      onMalformed: (from) => malformed.push(from),
      learned: (round) => learned.push(round),
    })
    question.start()
    return { clock, learned, malformed, asked, question }
  }
  const knows =
    (block: SignedBlock): Peer =>
    (asked) =>
      asked === method.latestBlocks ? encodeList([block.bytes]) : undefined
  const knowsNothing: Peer = () => encodeList([])
  const mute: Peer = () => undefined

  it('takes the highest round that anybody can show', () => {
    const { clock, learned } = setUp([knowsNothing, knows(ownBlock), knowsNothing])
    clock.advance(11)
    assert.deepEqual(learned, [ownBlock.ref.round])
  })

  it('is content with a third of the stake, after a moment for the others', () => {
    const { clock, learned } = setUp([knows(ownBlock), knowsNothing, mute])
    clock.advance(100)
    assert.deepEqual(learned, [])
    clock.advance(500)
    assert.deepEqual(learned, [ownBlock.ref.round])
  })

  it('asks again and again while too few answer', () => {
    const { clock, learned, asked } = setUp([knowsNothing, mute, mute])
    clock.advance(60_000)
    assert.deepEqual(learned, [])
    assert.ok(asked.filter(({ peer }) => peer === 2).length > 5)
    assert.equal(asked.filter(({ peer }) => peer === 1).length, 1)
  })

  it('believes only what we signed', () => {
    const forged = sealBlock(
      committee,
      { ...ownBlock.block, round: 1_000_000, transactions: [], ancestors: ownBlock.block.ancestors },
      signAs(0),
    )
    const foreign = chain.records.find((record) => record.type === 'block' && record.block.ref.author === 2)
    const another = foreign?.type === 'block' ? foreign.block : undefined!
    const { clock, learned, malformed } = setUp([knows(forged), knows(another), () => Buffer.from('nonsense')])
    clock.advance(1_000)
    assert.deepEqual(learned, [])
    assert.deepEqual([...new Set(malformed)].sort(), [1, 2, 3])
  })

  it('does not unpack the votes of a block that may carry none', () => {
    const vote = { block: ownBlock.block.ancestors[0]!, rejects: [0] }
    const fields = { ...ownBlock.block, transactions: [], transactionVotes: Array.from({ length: 5000 }, () => vote) }
    const { clock, learned, malformed } = setUp([knows(sealBlock(committee, fields, signAs(1))), mute, mute])
    clock.advance(1_000)
    assert.deepEqual([learned, [...new Set(malformed)]], [[], [1]])
  })

  it('learns once, and nothing after it was stopped', () => {
    const first = setUp([knowsNothing, knowsNothing, knowsNothing])
    first.clock.advance(10_000)
    assert.deepEqual(first.learned, [0])
    const second = setUp([knowsNothing, knowsNothing, knowsNothing])
    second.question.stop()
    second.clock.advance(10_000)
    assert.deepEqual(second.learned, [])
  })
})
