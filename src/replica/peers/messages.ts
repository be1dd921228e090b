import {
  asBuffer,
  blockRefSize,
  commitRefSize,
  readBlockRef,
  readCommitRef,
  readFixedList,
  readUint64,
  writeBlockRef,
  writeCommitRef,
  writeUint64,
} from '../../consensus/ssz-bytes.ts'
import type { BlockRef, CommitRef, Round } from '../../consensus/types.ts'
import { DrawbridgeError } from '../../core/errors.ts'

/*
 * What travels in frames: one byte of kind, then the body; little-endian like SSZ. On a link the dialler subscribes and
 * asks, the other side streams its blocks and answers.
 */

/** What a peer can be asked. */
export const method = {
  fetchBlocks: 1,
  fetchCommits: 2,
  latestBlocks: 3,
  latestRounds: 4,
  heldBlocks: 5,
  commitVoters: 6,
} as const
export type Method = (typeof method)[keyof typeof method]

const kind = { subscribe: 1, block: 2, request: 3, reply: 4, refusal: 5 } as const

/** A frame, taken apart. Bodies are views of the frame. */
export type Message =
  /** Send me your blocks above `after`, and each new one. */
  | { readonly type: 'subscribe'; readonly after: Round }
  | { readonly type: 'block'; readonly bytes: Uint8Array }
  | { readonly type: 'request'; readonly id: number; readonly method: Method; readonly body: Uint8Array }
  | { readonly type: 'reply'; readonly id: number; readonly body: Uint8Array }
  /** The request cannot be answered: unknown, not kept any more. */
  | { readonly type: 'refusal'; readonly id: number }

/** A frame, or part of one, that is not what the protocol says. */
export class MalformedMessage extends DrawbridgeError {
  constructor(what: string, cause?: unknown) {
    super('MESSAGE_MALFORMED', `A peer sent a malformed message: ${what}.`, { cause })
  }
}

export function subscribeFrame(after: Round): Uint8Array {
  const frame = Buffer.alloc(5)
  frame[0] = kind.subscribe
  frame.writeUInt32LE(after, 1)
  return frame
}

export function blockFrame(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(kind.block), bytes])
}

export function requestFrame(id: number, asked: Method, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(6)
  head[0] = kind.request
  head.writeUInt32LE(id, 1)
  head[5] = asked
  return Buffer.concat([head, body])
}

/** `body` undefined refuses. */
export function replyFrame(id: number, body: Uint8Array | undefined): Uint8Array {
  const head = Buffer.alloc(5)
  head[0] = body === undefined ? kind.refusal : kind.reply
  head.writeUInt32LE(id, 1)
  return body === undefined ? head : Buffer.concat([head, body])
}

/** @throws MalformedMessage */
export function decodeMessage(frame: Uint8Array): Message {
  const bytes = asBuffer(frame)
  return guarded('frame', () => {
    switch (bytes.readUInt8(0)) {
      case kind.subscribe:
        exactly(bytes, 5)
        return { type: 'subscribe', after: bytes.readUInt32LE(1) }
      case kind.block:
        return { type: 'block', bytes: bytes.subarray(1) }
      case kind.request:
        return { type: 'request', id: bytes.readUInt32LE(1), method: methodOf(bytes[5]), body: bytes.subarray(6) }
      case kind.reply:
        return { type: 'reply', id: bytes.readUInt32LE(1), body: bytes.subarray(5) }
      case kind.refusal:
        exactly(bytes, 5)
        return { type: 'refusal', id: bytes.readUInt32LE(1) }
      default:
        throw new RangeError('unknown kind')
    }
  })
}

/** Blocks that come along with those asked for, at most: their ancestors. */
export const maxExtraBlocks = 512

/** Blocks wanted, and by authority the highest round the asker has: what lies between may come along. */
export interface FetchBlocks {
  readonly refs: readonly BlockRef[]
  /** Empty: send nothing but `refs`. */
  readonly accepted: readonly Round[]
}

export function encodeFetchBlocks({ refs, accepted }: FetchBlocks): Uint8Array {
  const bytes = Buffer.alloc(4 + 4 * accepted.length + blockRefSize * refs.length)
  let at = bytes.writeUInt32LE(accepted.length, 0)
  for (const round of accepted) at = bytes.writeUInt32LE(round, at)
  for (const ref of refs) at = writeBlockRef(bytes, at, ref)
  return bytes
}

/** @throws MalformedMessage also when more than `maxRefs` are asked for, or more rounds are told than there may be. */
export function decodeFetchBlocks(body: Uint8Array, maxRefs: number, maxAccepted = 65_536): FetchBlocks {
  const bytes = asBuffer(body)
  return guarded('fetchBlocks', () => {
    const count = bytes.readUInt32LE(0)
    const end = 4 + 4 * count
    if (count > maxAccepted || end > bytes.length || bytes.length - end > maxRefs * blockRefSize)
      throw new RangeError('length')
    const accepted = roundsOf(bytes.subarray(4, end))
    return { accepted, refs: readFixedList(bytes.subarray(end), blockRefSize, readBlockRef) }
  })
}

/** Commits by index, both ends included. */
export interface FetchCommits {
  readonly from: number
  readonly to: number
}

export function encodeFetchCommits({ from, to }: FetchCommits): Uint8Array {
  const bytes = Buffer.alloc(16)
  writeUint64(bytes, writeUint64(bytes, 0, from), to)
  return bytes
}

/** @throws MalformedMessage */
export function decodeFetchCommits(body: Uint8Array): FetchCommits {
  const bytes = asBuffer(body)
  return guarded('fetchCommits', () => {
    exactly(bytes, 16)
    return { from: readUint64(bytes, 0), to: readUint64(bytes, 8) }
  })
}

/** More of the blocks that vote for a commit. */
export interface FetchVoters {
  readonly commit: CommitRef
  /** Authors whose votes the asker has. */
  readonly known: readonly number[]
}

export function encodeFetchVoters({ commit, known }: FetchVoters): Uint8Array {
  const ref = Buffer.alloc(commitRefSize)
  writeCommitRef(ref, 0, commit)
  return Buffer.concat([ref, encodeAuthorities(known)])
}

/** @throws MalformedMessage also when more than `maxKnown` authors are named. */
export function decodeFetchVoters(body: Uint8Array, maxKnown: number): FetchVoters {
  const commit = guarded('fetchVoters', () => {
    if (body.length < commitRefSize) throw new RangeError('length')
    return readCommitRef(asBuffer(body), 0)
  })
  return { commit, known: decodeAuthorities(body.subarray(commitRefSize), maxKnown) }
}

/** Byte strings, each with its length. */
export function encodeList(items: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const item of items) {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(item.length)
    parts.push(length, item)
  }
  return Buffer.concat(parts)
}

/** @throws MalformedMessage also when there are more than `maxItems`. Items are views. */
export function decodeList(body: Uint8Array, maxItems: number): readonly Uint8Array[] {
  const bytes = asBuffer(body)
  return guarded('list', () => {
    const items: Uint8Array[] = []
    for (let at = 0; at < bytes.length; ) {
      const end = at + 4 + bytes.readUInt32LE(at)
      if (end > bytes.length || items.length >= maxItems) throw new RangeError('item')
      items.push(bytes.subarray(at + 4, end))
      at = end
    }
    return items
  })
}

/** Commits, and blocks that vote for the last of them: what is missing to a quorum is asked for by `commitVoters`. */
export interface CommitsReply {
  readonly commits: readonly Uint8Array[]
  readonly voters: readonly Uint8Array[]
}

export function encodeCommitsReply({ commits, voters }: CommitsReply): Uint8Array {
  return encodeList([encodeList(commits), encodeList(voters)])
}

/** @throws MalformedMessage also when there are more than were asked for. */
export function decodeCommitsReply(body: Uint8Array, maxCommits: number, maxVoters: number): CommitsReply {
  const [commits, voters] = decodeList(body, 2)
  if (commits === undefined || voters === undefined) throw new MalformedMessage('commits')
  return { commits: decodeList(commits, maxCommits), voters: decodeList(voters, maxVoters) }
}

/** Authorities, as asked by `latestBlocks`. */
export function encodeAuthorities(authorities: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(2 * authorities.length)
  authorities.forEach((authority, at) => {
    bytes.writeUInt16LE(authority, 2 * at)
  })
  return bytes
}

/** @throws MalformedMessage also when there are more than `max`. */
export function decodeAuthorities(body: Uint8Array, max: number): readonly number[] {
  return guarded('authorities', () => {
    if (body.length > 2 * max) throw new RangeError('length')
    return readFixedList(asBuffer(body), 2, (bytes, at) => bytes.readUInt16LE(at))
  })
}

/** The round that `heldBlocks` asks above. */
export function encodeRound(round: Round): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(round)
  return bytes
}

/** @throws MalformedMessage */
export function decodeRound(body: Uint8Array): Round {
  const bytes = asBuffer(body)
  return guarded('round', () => {
    exactly(bytes, 4)
    return bytes.readUInt32LE(0)
  })
}

/** Most blocks that one answer names; they are the lowest. */
export const maxHeldBlocks = 8_192

export function encodeBlockRefs(refs: readonly BlockRef[]): Uint8Array {
  const bytes = Buffer.alloc(blockRefSize * refs.length)
  let at = 0
  for (const ref of refs) at = writeBlockRef(bytes, at, ref)
  return bytes
}

/** @throws MalformedMessage */
export function decodeBlockRefs(body: Uint8Array): readonly BlockRef[] {
  return guarded('references', () => {
    if (body.length > maxHeldBlocks * blockRefSize) throw new RangeError('length')
    return readFixedList(asBuffer(body), blockRefSize, readBlockRef)
  })
}

/** By authority, the highest round of which a block was received, and accepted. */
export interface LatestRounds {
  readonly received: readonly Round[]
  readonly accepted: readonly Round[]
}

export function encodeLatestRounds({ received, accepted }: LatestRounds): Uint8Array {
  const bytes = Buffer.alloc(8 * received.length)
  received.forEach((round, author) => {
    bytes.writeUInt32LE(round, 8 * author)
    bytes.writeUInt32LE(accepted[author] ?? 0, 8 * author + 4)
  })
  return bytes
}

/** @throws MalformedMessage unless it speaks of exactly `size` authorities. */
export function decodeLatestRounds(body: Uint8Array, size: number): LatestRounds {
  const bytes = asBuffer(body)
  return guarded('latestRounds', () => {
    exactly(bytes, 8 * size)
    const rounds = roundsOf(bytes)
    return { received: rounds.filter((_, at) => at % 2 === 0), accepted: rounds.filter((_, at) => at % 2 === 1) }
  })
}

function roundsOf(bytes: Buffer): readonly Round[] {
  return readFixedList(bytes, 4, (from, at) => from.readUInt32LE(at))
}

function methodOf(byte: number | undefined): Method {
  const known = Object.values(method).find((value) => value === byte)
  if (known === undefined) throw new RangeError('unknown method')
  return known
}

function exactly(bytes: Buffer, length: number): void {
  if (bytes.length !== length) throw new RangeError('length')
}

function guarded<Result>(what: string, read: () => Result): Result {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof RangeError) throw new MalformedMessage(what, cause)
    throw cause
  }
}
