import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fakeCommittee } from '../../test/fake/committee.ts'
import { type BlockFields, decodeSignedBlock, MalformedBlock, sealBlock } from './block-codec.ts'
import { decodeCheckpoint, encodeCheckpoint, MalformedCheckpoint } from './checkpoint-codec.ts'
import { decodeCommit, MalformedCommit, sealCommit } from './commit-codec.ts'
import { CommitSchema, SignedBlockSchema } from './schema.ts'
import type { BlockRef, Checkpoint, Commit, CommitRef, TransactionVote } from './types.ts'
import { verifySignature } from './verify-block.ts'

const { committee, sign } = fakeCommittee([1, 1, 1, 1])

/** Records as the codecs make them, with the usual prototype. */
const record = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) => fc.record<T>(model, { noNullPrototype: true })

const uint32 = fc.nat(2 ** 32 - 1)
const uint16 = fc.nat(2 ** 16 - 1)
const uint64 = fc.nat(Number.MAX_SAFE_INTEGER)
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const blockRef: fc.Arbitrary<BlockRef> = record({ round: uint32, author: uint16, digest })
const commitRef: fc.Arbitrary<CommitRef> = record({ index: uint32, digest })
const vote: fc.Arbitrary<TransactionVote> = record({ block: blockRef, rejects: fc.array(uint16, { maxLength: 5 }) })

const fields: fc.Arbitrary<BlockFields> = record({
  epoch: uint64,
  round: uint32,
  author: fc.nat(3),
  timestampMs: uint64,
  ancestors: fc.array(blockRef, { maxLength: 5 }),
  transactions: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
  commitVotes: fc.array(commitRef, { maxLength: 5 }),
  transactionVotes: fc.array(vote, { maxLength: 4 }),
})

const commit: fc.Arbitrary<Commit> = record({
  index: uint32,
  previousDigest: digest,
  timestampMs: uint64,
  leader: blockRef,
  blocks: fc.array(blockRef, { maxLength: 5 }),
  rejected: fc.array(vote, { maxLength: 4 }),
  scores: fc.array(uint64, { maxLength: 5 }),
})

const checkpoint: fc.Arbitrary<Checkpoint> = record({
  sealed: commit.map(sealCommit),
  leaders: fc.array(uint16, { maxLength: 3 }),
  gcRound: fc.integer({ min: -1, max: 2 ** 32 - 2 }),
  committed: fc.array(blockRef, { maxLength: 5 }),
  open: fc.array(
    record({
      sealed: commit.map(sealCommit),
      votes: fc.array(record({ author: uint16, vote }), { maxLength: 3 }),
    }),
    { maxLength: 3 },
  ),
  ownRound: fc.option(uint32, { nil: undefined }),
  orphaned: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 }),
})

const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex')
const refValue = ({ digest: hex, ...rest }: BlockRef) => ({ ...rest, digest: bytesOf(hex) })
const voteValue = ({ block, rejects }: TransactionVote) => ({ block: refValue(block), rejects: [...rejects] })

const seal = (block: BlockFields) => sealBlock(committee, block, (root) => sign(block.author, root))

/** Cuts, flips and stretches bytes. */
const damage = record({ at: fc.nat(2 ** 20), bit: fc.nat(7), cut: fc.option(fc.nat(2 ** 20)), grow: fc.nat(3) })

function damaged(
  bytes: Uint8Array,
  { at, bit, cut, grow }: { at: number; bit: number; cut: number | null; grow: number },
) {
  const copy = Buffer.concat([bytes.subarray(0, cut === null ? bytes.length : cut % bytes.length), Buffer.alloc(grow)])
  if (copy.length > 0) copy[at % copy.length]! ^= 1 << bit
  return copy
}

/** What `read` gives, or undefined when it throws an error of that class; anything else thrown is a failure. */
function readOrRefuse<T>(read: () => T, refusal: new (cause: unknown) => Error): T | undefined {
  try {
    return read()
  } catch (thrown) {
    assert.ok(thrown instanceof refusal, String(thrown))
    return undefined
  }
}

describe('the block codec', () => {
  it('writes the same bytes as the SSZ library', () => {
    fc.assert(
      fc.property(fields, (block) => {
        const sealed = seal(block)
        const expected = SignedBlockSchema.serialize({
          block: {
            ...block,
            ancestors: block.ancestors.map(refValue),
            transactions: [...block.transactions],
            commitVotes: block.commitVotes.map(({ index, digest: hex }) => ({ index, digest: bytesOf(hex) })),
            transactionVotes: block.transactionVotes.map(voteValue),
          },
          signature: sealed.signature,
        })
        assert.deepEqual(Buffer.from(sealed.bytes), Buffer.from(expected))
      }),
    )
  })

  it('reads back what it wrote, under the same digest', () => {
    fc.assert(
      fc.property(fields, (block) => {
        const read = decodeSignedBlock(new Uint8Array(seal(block).bytes), committee)
        const { transactions, ...rest } = read.block
        const { transactions: put, ...others } = block
        assert.deepEqual(rest, others)
        assert.deepEqual(
          [...transactions].map((bytes) => Buffer.from(bytes)),
          put.map((bytes) => Buffer.from(bytes)),
        )
        assert.equal(
          transactions.byteLength,
          put.reduce((sum, { length }) => sum + length, 0),
        )
        assert.equal(transactions.longest, Math.max(0, ...put.map(({ length }) => length)))
        assert.equal(read.ref.digest, seal(block).ref.digest)
        assert.ok(verifySignature(committee, read))
      }),
    )
  })

  it('refuses damaged bytes or reads something that encodes to exactly those bytes', () => {
    fc.assert(
      fc.property(fields, damage, (block, harm) => {
        const bytes = damaged(seal(block).bytes, harm)
        const read = readOrRefuse(() => decodeSignedBlock(bytes, committee), MalformedBlock)
        if (read === undefined) return
        const again = sealBlock(
          committee,
          { ...read.block, transactions: [...read.block.transactions] },
          () => read.signature,
        )
        assert.deepEqual(Buffer.from(again.bytes), bytes)
      }),
      { numRuns: 500 },
    )
  })

  it('unpacks no list of a peer that is longer than the limits', () => {
    const limits = { ancestors: 2, commitVotes: 1, transactionVotes: 2, rejects: 3 }
    const ref = { round: 1, author: 0, digest: 'ab'.repeat(32) }
    const written = (change: Partial<BlockFields>) => {
      const lists = { ancestors: [ref, ref], transactions: [], commitVotes: [], transactionVotes: [] }
      const fields = { epoch: 0, round: 2, author: 0, timestampMs: 0, ...lists, ...change }
      return sealBlock(committee, fields, (root) => sign(0, root)).bytes
    }
    const vote = (...rejects: number[]) => ({ block: ref, rejects })
    const commitVote = { index: 1, digest: ref.digest }
    assert.ok(decodeSignedBlock(written({ transactionVotes: [vote(1), vote(1, 2)] }), committee, limits))
    for (const change of [
      { ancestors: [ref, ref, ref] },
      { commitVotes: [commitVote, commitVote] },
      { transactionVotes: [vote(), vote(), vote()] },
      { transactionVotes: [vote(1), vote(1, 2, 3)] },
    ]) {
      assert.ok(decodeSignedBlock(written(change), committee))
      assert.throws(() => decodeSignedBlock(written(change), committee, limits), MalformedBlock)
    }
    // Offsets that promise a million votes in bytes that hold none.
    const bytes = Buffer.from(written({ transactions: [Buffer.alloc(4_000_000)] }))
    bytes.writeUInt32LE(bytes.length - 68 - 4_000_000, 68 + 34)
    bytes.writeUInt32LE(4_000_000, bytes.length - 4_000_000)
    assert.throws(() => decodeSignedBlock(bytes, committee), MalformedBlock)
  })

  it('does not believe a signature of other bytes, or of another author', () => {
    const block = { epoch: 0, round: 1, author: 1, timestampMs: 5, ancestors: [], transactions: [Buffer.from('tx')] }
    const sealed = seal({ ...block, commitVotes: [], transactionVotes: [] })
    const bytes = Buffer.from(sealed.bytes)
    bytes[bytes.length - 1]! ^= 1
    assert.ok(verifySignature(committee, sealed))
    assert.ok(!verifySignature(committee, decodeSignedBlock(bytes, committee)))
    assert.ok(!verifySignature(committee, { ...sealed, ref: { ...sealed.ref, author: 2 } }))
    assert.ok(!verifySignature(committee, { ...sealed, ref: { ...sealed.ref, author: 9 } }))
  })

  it('gives the same block another digest in another committee', () => {
    const block = { epoch: 0, round: 1, author: 1, timestampMs: 5, ancestors: [], transactions: [] }
    const other = fakeCommittee([1, 1, 1, 1]).committee
    const empty = { ...block, commitVotes: [], transactionVotes: [] }
    const digests = [committee, other].map((each) => sealBlock(each, empty, () => new Uint8Array(64)).ref.digest)
    assert.notEqual(digests[0], digests[1])
  })
})

describe('the commit codec', () => {
  it('writes the same bytes as the SSZ library and reads them back', () => {
    fc.assert(
      fc.property(commit, (value) => {
        const sealed = sealCommit(value)
        const expected = CommitSchema.serialize({
          ...value,
          previousDigest: bytesOf(value.previousDigest),
          leader: refValue(value.leader),
          blocks: value.blocks.map(refValue),
          rejected: value.rejected.map(voteValue),
          scores: [...value.scores],
        })
        assert.deepEqual(Buffer.from(sealed.bytes), Buffer.from(expected))
        assert.deepEqual(decodeCommit(new Uint8Array(sealed.bytes)).commit, value)
        assert.deepEqual(decodeCommit(sealed.bytes).ref, sealed.ref)
      }),
    )
  })

  it('refuses damaged bytes or reads something that encodes to exactly those bytes', () => {
    fc.assert(
      fc.property(commit, damage, (value, harm) => {
        const bytes = damaged(sealCommit(value).bytes, harm)
        const read = readOrRefuse(() => decodeCommit(bytes), MalformedCommit)
        if (read !== undefined) assert.deepEqual(Buffer.from(sealCommit(read.commit).bytes), bytes)
      }),
      { numRuns: 500 },
    )
  })
})

describe('the checkpoint codec', () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(checkpoint, (value) => {
        const read = decodeCheckpoint(encodeCheckpoint(value))
        assert.deepEqual(read.sealed.ref, value.sealed.ref)
        const plain = ({ sealed, open, ...rest }: Checkpoint) => ({
          ...rest,
          commit: sealed.commit,
          open: open.map((each) => ({ commit: each.sealed.commit, votes: each.votes })),
        })
        assert.deepEqual(plain(read), plain(value))
      }),
    )
  })

  it('refuses damaged bytes with its own error', () => {
    fc.assert(
      fc.property(checkpoint, damage, (value, harm) => {
        readOrRefuse(() => decodeCheckpoint(damaged(encodeCheckpoint(value), harm)), MalformedCheckpoint)
      }),
    )
  })
})
