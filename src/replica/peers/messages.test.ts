import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  blockFrame,
  decodeAuthorities,
  decodeCommitsReply,
  decodeFetchBlocks,
  decodeFetchCommits,
  decodeFetchVoters,
  decodeLatestRounds,
  decodeList,
  decodeMessage,
  encodeAuthorities,
  encodeCommitsReply,
  encodeFetchBlocks,
  encodeFetchCommits,
  encodeFetchVoters,
  encodeLatestRounds,
  encodeList,
  MalformedMessage,
  method,
  replyFrame,
  requestFrame,
  subscribeFrame,
} from './messages.ts'

/** Bytes as hex, prototypes forgotten: what is compared. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}

const round = fc.nat(2 ** 32 - 1)
const bytes = fc.uint8Array({ maxLength: 50 })
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((raw) => Buffer.from(raw).toString('hex'))
const ref = fc.record({ round, author: fc.nat(65_535), digest })

describe('messages between peers', () => {
  it('come out as they went in', () => {
    const body = Buffer.from('body')
    assert.deepEqual(decodeMessage(subscribeFrame(7)), { type: 'subscribe', after: 7 })
    assert.deepEqual(plain(decodeMessage(blockFrame(body))), { type: 'block', bytes: '626f6479' })
    assert.deepEqual(plain(decodeMessage(requestFrame(9, method.fetchCommits, body))), {
      type: 'request',
      id: 9,
      method: method.fetchCommits,
      body: '626f6479',
    })
    assert.deepEqual(plain(decodeMessage(replyFrame(3, body))), { type: 'reply', id: 3, body: '626f6479' })
    assert.deepEqual(decodeMessage(replyFrame(4, undefined)), { type: 'refusal', id: 4 })
  })

  it('carry any body unchanged', () => {
    fc.assert(
      fc.property(fc.array(ref, { maxLength: 20 }), fc.array(round, { maxLength: 8 }), (refs, accepted) => {
        assert.deepEqual(plain(decodeFetchBlocks(encodeFetchBlocks({ refs, accepted }), 20)), plain({ refs, accepted }))
      }),
    )
    fc.assert(
      fc.property(fc.array(bytes), fc.array(bytes), (commits, voters) => {
        assert.deepEqual(
          plain(decodeCommitsReply(encodeCommitsReply({ commits, voters }), commits.length, voters.length)),
          plain({ commits, voters }),
        )
        assert.deepEqual(plain(decodeList(encodeList(commits), commits.length)), plain(commits))
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(round, round)), (pairs) => {
        const rounds = { received: pairs.map(([one]) => one), accepted: pairs.map(([, two]) => two) }
        assert.deepEqual(decodeLatestRounds(encodeLatestRounds(rounds), pairs.length), rounds)
      }),
    )
    assert.deepEqual(decodeFetchCommits(encodeFetchCommits({ from: 1, to: 2 ** 40 })), { from: 1, to: 2 ** 40 })
    const wanted = { commit: { index: 7, digest: 'ab'.repeat(32) }, known: [0, 65_535] }
    assert.deepEqual(decodeFetchVoters(encodeFetchVoters(wanted), 2), wanted)
    assert.throws(() => decodeFetchVoters(encodeFetchVoters(wanted), 1), MalformedMessage)
    assert.deepEqual(decodeAuthorities(encodeAuthorities([3, 65_535]), 2), [3, 65_535])
  })

  it('are refused with one kind of error, whatever the bytes', () => {
    const readers: readonly ((frame: Uint8Array) => unknown)[] = [
      decodeMessage,
      decodeFetchCommits,
      (frame) => decodeFetchVoters(frame, 4),
      (frame) => decodeList(frame, 10),
      (frame) => decodeCommitsReply(frame, 10, 4),
      (frame) => decodeAuthorities(frame, 4),
      (frame) => decodeFetchBlocks(frame, 10),
      (frame) => decodeLatestRounds(frame, 4),
    ]
    let refused = 0
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(...readers), (frame, read) => {
        try {
          read(frame)
        } catch (error) {
          assert.ok(error instanceof MalformedMessage, String(error))
          refused++
        }
      }),
      { numRuns: 2000 },
    )
    assert.ok(refused > 100)
  })

  it('cannot ask for more than allowed, nor promise more than they hold', () => {
    const bare = new Uint8Array(0)
    const refs = Array.from({ length: 3 }, () => ({ round: 1, author: 0, digest: '00'.repeat(32) }))
    assert.throws(() => decodeFetchBlocks(encodeFetchBlocks({ refs, accepted: [] }), 2), MalformedMessage)
    assert.throws(() => decodeFetchBlocks(encodeFetchBlocks({ refs, accepted: [1, 2] }), 3, 1), MalformedMessage)
    assert.throws(() => decodeFetchBlocks(Buffer.from('ffffffff', 'hex'), 10), MalformedMessage)
    assert.throws(() => decodeList(encodeList([bare, bare, bare]), 2), MalformedMessage)
    assert.throws(() => decodeCommitsReply(encodeCommitsReply({ commits: [bare, bare], voters: [] }), 1, 4))
    assert.throws(() => decodeCommitsReply(encodeCommitsReply({ commits: [], voters: [bare, bare] }), 1, 1))
    assert.throws(() => decodeAuthorities(encodeAuthorities([1, 2, 3]), 2), MalformedMessage)
    assert.throws(() => decodeList(Buffer.from('ffffffff00', 'hex'), 10), MalformedMessage)
    assert.throws(() => decodeLatestRounds(encodeLatestRounds({ received: [1], accepted: [1] }), 4), MalformedMessage)
    assert.throws(() => decodeMessage(Buffer.from([3, 0, 0, 0, 0, 99])), MalformedMessage)
    assert.throws(() => decodeMessage(Buffer.alloc(0)), MalformedMessage)
  })
})
