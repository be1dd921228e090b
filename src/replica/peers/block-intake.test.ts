import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { committee, makeChains, signAs } from '../../../test/replica/chain.ts'
import { sealBlock } from '../../consensus/block-codec.ts'
import { defaultParameters as parameters } from '../../consensus/parameters.ts'
import type { BlockRef, SignedBlock } from '../../consensus/types.ts'
import { verifySignature } from '../../consensus/verify-block.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { BlockIntake } from './block-intake.ts'
import { decodeList, encodeList } from './messages.ts'

const blocks = makeChains(60)[0].records.flatMap((record): SignedBlock[] =>
  record.type === 'block' ? [record.block] : [],
)
const newest = blocks.at(-1)!
const byDigest = new Map(blocks.map((block) => [block.ref.digest, block]))

/** A block and its ancestors, as an honest peer sends them. */
function withAncestors(block: SignedBlock): readonly SignedBlock[] {
  const found = new Map([[block.ref.digest, block]])
  for (const { block: next } of found.values()) {
    for (const { digest } of next.ancestors) {
      const parent = byDigest.get(digest)
      if (parent !== undefined) found.set(digest, parent)
    }
  }
  return [...found.values()]
}

function setUp() {
  const clock = new VirtualClock()
  const refused: string[] = []
  const sound: SignedBlock[][] = []
  let verified = 0
  const intake = new BlockIntake({
    committee,
    parameters,
    clock,
    isKnown: () => false,
    refused: (from, reason) => refused.push(`${from} ${reason}`),
    verifier: {
      verify: (some, done) => {
        verified += some.length
        done(some.map((block) => verifySignature(committee, block)))
      },
    },
  })
  const answer = (asked: readonly BlockRef[], items: readonly Uint8Array[]): void =>
    intake.takeAnswer({ from: 2, items, asked }, (good) => sound.push([...good]))
  return { clock, refused, sound, intake, answer, verified: () => verified }
}

const bytesOf = (some: readonly SignedBlock[]): Uint8Array[] => some.map(({ bytes }) => bytes)

describe('the intake of blocks', () => {
  it('reads a long answer in pieces, between which the thread is free', () => {
    const { clock, sound, refused, answer } = setUp()
    const all = withAncestors(newest)
    assert.ok(all.length > 150)
    answer([newest.ref], bytesOf(all))
    assert.equal(sound.length, 1)
    clock.advance(0)
    assert.deepEqual(
      sound.flat().map(({ ref }) => ref.digest),
      all.map(({ ref }) => ref.digest),
    )
    assert.ok(sound.every(({ length }) => length <= 32))
    assert.deepEqual(refused, [])
  })

  it('ends an answer at the first wrong item, whatever makes it wrong', () => {
    const all = withAncestors(newest)
    const [first, second] = all as [SignedBlock, SignedBlock]
    const forged = Uint8Array.from(second.bytes)
    forged[10]! ^= 1
    const unlawful = sealBlock(
      committee,
      { ...newest.block, transactions: [], commitVotes: [], ancestors: [] },
      signAs(1),
    )
    const wrongs: readonly (readonly [string, Uint8Array])[] = [
      ['malformed', new Uint8Array(0)],
      ['malformed', Buffer.alloc(5_000_000, 4)],
      ['noAncestors', unlawful.bytes],
    ]
    for (const [reason, wrong] of wrongs) {
      const { clock, sound, refused, answer } = setUp()
      answer([newest.ref], [first.bytes, wrong, ...bytesOf(all.slice(1))])
      clock.advance(0)
      assert.deepEqual(refused, [`2 ${reason}`])
      assert.deepEqual(
        sound.flat().map(({ ref }) => ref.digest),
        [first.ref.digest],
      )
    }
    const { sound, refused, answer, clock } = setUp()
    const unsigned = [...all.slice(0, 40)]
    const forgedBlock = sealBlock(committee, { ...newest.block, transactions: [] }, () => Buffer.alloc(64))
    answer([newest.ref, forgedBlock.ref], [forgedBlock.bytes, ...bytesOf(unsigned)])
    clock.advance(0)
    assert.deepEqual(refused, ['2 badSignature'])
    assert.deepEqual(sound.flat(), [])
  })

  it('drops what was neither asked for nor is an ancestor of it, without a look at the signature', () => {
    const { sound, refused, answer, verified } = setUp()
    const below = blocks.find(({ ref }) => ref.round === 20)!
    answer([below.ref], bytesOf([newest, below]))
    assert.deepEqual(
      sound.flat().map(({ ref }) => ref.digest),
      [below.ref.digest],
    )
    assert.equal(verified(), 1)
    assert.deepEqual(refused, [])
  })

  it('keeps no more of an answer than the blocks themselves', () => {
    const { clock, sound, answer } = setUp()
    const items = decodeList(encodeList(bytesOf(withAncestors(newest))), 1_000)
    const whole = items[0]!.buffer.byteLength
    answer([newest.ref], items)
    clock.advance(0)
    assert.ok(sound.flat().length > 150)
    for (const { bytes } of sound.flat()) assert.ok(bytes.buffer.byteLength <= 2 * bytes.length)
    assert.ok(whole > 10 * newest.bytes.length)
  })

  it('takes two blocks of one round from a stream as evidence, and ends the stream', () => {
    const { intake, refused } = setUp()
    const taken: SignedBlock[] = []
    const one = blocks.find(({ ref }) => ref.author === 2)!
    const twin = sealBlock(committee, { ...one.block, transactions: [Buffer.from('another')] }, signAs(2))
    for (const { bytes } of [one, one, twin]) intake.takeStreamed(2, bytes, (good) => taken.push(...good))
    assert.deepEqual(refused, ['2 equivocation'])
    assert.equal(taken.at(-1)?.ref.digest, twin.ref.digest)
  })

  it('takes from a stream the blocks of its author alone', () => {
    const { intake, refused } = setUp()
    const taken: SignedBlock[] = []
    const own = blocks.find(({ ref }) => ref.author === 2)!
    const foreign = blocks.find(({ ref }) => ref.author === 3)!
    for (const { bytes } of [own, foreign]) intake.takeStreamed(2, bytes, (good) => taken.push(...good))
    assert.deepEqual(
      taken.map(({ ref }) => ref.digest),
      [own.ref.digest],
    )
    assert.deepEqual(refused, ['2 foreignAuthor'])
  })
})
