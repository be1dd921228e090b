import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeSignedBlock, MalformedBlock, sealBlock } from '../consensus/block-codec.ts'
import { blockLimits } from '../consensus/block-limits.ts'
import { createCommittee } from '../consensus/committee.ts'
import { defaultParameters } from '../consensus/parameters.ts'
import type { SignedBlock } from '../consensus/types.ts'
import { verifyBlock } from '../consensus/verify-block.ts'
import { seededRandom } from '../core/random.ts'
import { Forger } from './forger.ts'
import { HostileBlocks } from './hostile-blocks.ts'
import { createSignatures } from './signatures.ts'

const size = 7
const own = 3
const signatures = createSignatures('hash', 5, size)
const committee = createCommittee(
  0,
  Array.from({ length: size }, (_, at) => {
    const key = signatures.publicKey(at)
    return { name: `${at}`, stake: 1, protocolKey: key, networkKey: key, address: '' }
  }),
)
const parameters = { ...defaultParameters, gcDepth: 10 }
const sign = (root: Uint8Array): Uint8Array => signatures.sign(own, root)
const parents = [3, 0, 1, 2, 4, 5, 6].map((author) => ({ round: 99, author, digest: `0${author}`.repeat(32) }))
const load = { transactions: [], commitVotes: [], transactionVotes: [] }
const honest = sealBlock(
  committee,
  { epoch: 0, round: 100, author: own, timestampMs: 7, ancestors: parents, ...load },
  sign,
)

const many = (make: (blocks: HostileBlocks) => SignedBlock): SignedBlock[] =>
  Array.from({ length: 100 }, (_, seed) => {
    const random = seededRandom(seed)
    return make(new HostileBlocks({ committee, parameters, random, forger: new Forger(committee, sign, random) }))
  })
const verdictOf = ({ bytes }: SignedBlock): string | undefined => {
  try {
    return verifyBlock(committee, parameters, decodeSignedBlock(bytes, committee, blockLimits(committee, parameters)))
  } catch (error) {
    if (error instanceof MalformedBlock) return 'malformed'
    throw error
  }
}
const inventedIn = ({ block }: SignedBlock) =>
  block.ancestors.filter(({ digest }) => !parents.some((parent) => parent.digest === digest))

describe('hostile blocks', () => {
  it('hang on one ancestor that nobody made, near the tip and far below it, and keep every rule', () => {
    const made = many((blocks) => blocks.dangling(honest.block))
    const lawful = made.filter((block) => verdictOf(block) === undefined)
    assert.ok(lawful.length > 60, `${lawful.length}`)
    for (const block of made) assert.equal(inventedIn(block).length, 1)
    const depths = new Set(lawful.flatMap(inventedIn).map(({ round }) => 100 - round))
    assert.ok(Math.min(...depths) <= 2 && Math.max(...depths) > parameters.gcDepth, [...depths].join(' '))
  })

  it('rest on nothing in rounds below, near and far above all others, and keep every rule', () => {
    const made = many((blocks) => blocks.unfounded(honest.block))
    for (const block of made) assert.equal(verdictOf(block), undefined)
    const rounds = made.map(({ ref }) => ref.round)
    for (const kind of [(r: number) => r < 100, (r: number) => r > 100 && r < 130, (r: number) => r > 1e9])
      assert.ok(rounds.some(kind))
  })

  it('begin where blocks are collected, and go on from there', () => {
    const next = { ...honest.block, round: 101, ancestors: parents.map((parent) => ({ ...parent, round: 100 })) }
    const pairs = Array.from({ length: 100 }, (_, seed) => {
      const random = seededRandom(seed)
      const seams = { committee, parameters, random, forger: new Forger(committee, sign, random) }
      const blocks = new HostileBlocks(seams)
      return [blocks.trusted(honest.block), blocks.trusted(next)] as const
    })
    for (const [first, second] of pairs) assert.deepEqual([verdictOf(first), verdictOf(second)], [undefined, undefined])
    const linked = pairs.filter(([first, second]) => second.block.ancestors[0]?.digest === first.ref.digest)
    assert.ok(linked.length > 20 && linked.length < 80, `${linked.length}`)
  })

  it('carry too much of many things, and of some as much as is allowed', () => {
    const verdicts = new Set(many((blocks) => blocks.bloated(honest.block)).map(verdictOf))
    assert.ok(verdicts.size > 1 && verdicts.has('malformed'), [...verdicts].join(' '))
    assert.ok(verdicts.has('transactionTooLarge'))
    assert.ok(verdicts.has(undefined))
  })

  it('fill one slot many times', () => {
    const made = many((blocks) => blocks.bulkySibling(honest.block))
    assert.equal(new Set(made.map(({ ref }) => ref.digest)).size, made.length)
    for (const { ref } of made) assert.deepEqual([ref.round, ref.author], [100, own])
  })
})
