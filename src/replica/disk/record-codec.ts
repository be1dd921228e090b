import { decodeSignedBlock } from '../../consensus/block-codec.ts'
import { decodeCheckpoint, encodeCheckpoint } from '../../consensus/checkpoint-codec.ts'
import { decodeCommit } from '../../consensus/commit-codec.ts'
import type { Committee } from '../../consensus/committee.ts'
import type { LogRecord, SignedBlock } from '../../consensus/types.ts'
import { DrawbridgeError } from '../../core/errors.ts'

/** Tags of the entries of the write-ahead log. */
export const recordTag = { head: 1, block: 2, ownBlock: 3, commit: 4, checkpoint: 5, ownRound: 6, voter: 7 } as const

/** Whether the entry holds a block: accepted, own, or only a voter. */
export function isBlockTag(tag: number): boolean {
  return tag === recordTag.block || tag === recordTag.ownBlock || tag === recordTag.voter
}

/** What the log tells about a block without reading it. */
export interface BlockHead {
  readonly round: number
  readonly author: number
  readonly digest: string
  /** Lowest and highest commit that the block votes for; 0 and 0 when it votes for none. */
  readonly votes: { readonly from: number; readonly to: number }
}

const headBytes = 46

/** Tag and payload of a record; the payload shares memory with the record. */
export function encodeRecord(record: LogRecord): { readonly tag: number; readonly parts: readonly Uint8Array[] } {
  switch (record.type) {
    case 'block':
      return {
        tag: record.own ? recordTag.ownBlock : recordTag.block,
        parts: [encodeHead(record.block), record.block.bytes],
      }
    case 'voter':
      return { tag: recordTag.voter, parts: [encodeHead(record.block), record.block.bytes] }
    case 'commit':
      return { tag: recordTag.commit, parts: [record.sealed.bytes] }
    case 'checkpoint':
      return { tag: recordTag.checkpoint, parts: [encodeCheckpoint(record.checkpoint)] }
    case 'ownRound': {
      const round = Buffer.alloc(4)
      round.writeUInt32LE(record.round)
      return { tag: recordTag.ownRound, parts: [round] }
    }
  }
}

/**
 * The record of an entry; undefined for the head of a segment. A block keeps `payload` in memory.
 * @throws DrawbridgeError when the payload is not what its tag says.
 */
export function decodeRecord(tag: number, payload: Uint8Array, committee: Committee): LogRecord | undefined {
  switch (tag) {
    case recordTag.head:
      return undefined
    case recordTag.block:
    case recordTag.ownBlock:
      return { type: 'block', block: decodeBlockOf(payload, committee), own: tag === recordTag.ownBlock }
    case recordTag.voter:
      return { type: 'voter', block: decodeBlockOf(payload, committee) }
    case recordTag.commit:
      return { type: 'commit', sealed: decodeCommit(Uint8Array.from(payload)) }
    case recordTag.checkpoint:
      return { type: 'checkpoint', checkpoint: decodeCheckpoint(Uint8Array.from(payload)) }
    case recordTag.ownRound:
      return { type: 'ownRound', round: asBuffer(payload).readUInt32LE(0) }
    default:
      throw new DrawbridgeError('WAL_DAMAGED', `The write-ahead log holds an entry with the unknown tag ${tag}.`, {
        nextStep: 'It was written by a newer version: run that one.',
      })
  }
}

/** The block of an entry, in memory of its own. */
export function decodeBlockOf(payload: Uint8Array, committee: Committee): SignedBlock {
  return decodeSignedBlock(Buffer.from(payload.subarray(headBytes)), committee)
}

/** What the log tells about a block without reading it. */
export function decodeHead(payload: Uint8Array): BlockHead {
  const bytes = asBuffer(payload)
  return {
    round: bytes.readUInt32LE(0),
    author: bytes.readUInt16LE(4),
    digest: bytes.toString('hex', 6, 38),
    votes: { from: bytes.readUInt32LE(38), to: bytes.readUInt32LE(42) },
  }
}

function encodeHead({ ref, block }: SignedBlock): Buffer {
  const bytes = Buffer.alloc(headBytes)
  const indices = block.commitVotes.map(({ index }) => index)
  bytes.writeUInt32LE(ref.round, 0)
  bytes.writeUInt16LE(ref.author, 4)
  bytes.write(ref.digest, 6, 32, 'hex')
  bytes.writeUInt32LE(indices.length === 0 ? 0 : Math.min(...indices), 38)
  bytes.writeUInt32LE(indices.length === 0 ? 0 : Math.max(...indices), 42)
  return bytes
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
