import { crc32 } from 'node:zlib'
import { DrawbridgeError } from '../../core/errors.ts'
import type { Disk } from '../seams.ts'

/** Where an entry lies: `offset` is that of its header, `length` that of its payload. */
export interface WalPosition {
  readonly segment: number
  readonly offset: number
  readonly length: number
}

/** Bytes before each payload: length u32, CRC-32 of tag and payload u32, tag u8; little-endian. */
export const entryHeaderBytes = 9

/** What a scan of one segment found. */
export interface SegmentScan {
  /** Bytes of whole, sound entries. */
  readonly soundBytes: number
  /** Bytes after them: a torn tail, or damage. */
  readonly tornBytes: number
}

/**
 * A write-ahead log over a {@link Disk}: tagged, checksummed entries; the owner says where a segment ends. Appends are gathered
 * and reach the disk in one write at the next {@link Wal.sync}, {@link Wal.flush} or read.
 */
export class Wal {
  readonly #disk: Disk
  readonly #segmentBytes: number
  #segment: number
  #offset: number
  #pending: Uint8Array[] = []
  #pendingBytes = 0

  /** Goes on after the newest segment: a segment that an earlier process wrote is never added to. */
  constructor(disk: Disk, segmentBytes = 64 * 1024 * 1024) {
    this.#disk = disk
    this.#segmentBytes = segmentBytes
    this.#segment = (disk.segments().at(-1) ?? 0) + 1
    this.#offset = 0
  }

  /** The segment that the next entry goes to. */
  get segment(): number {
    return this.#segment
  }

  /** Bytes gathered and not yet handed to the disk. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Bytes in the segment that the next entry goes to. */
  get offset(): number {
    return this.#offset
  }

  /** Whether an entry of `length` bytes still fits the current segment. One that is too large for any fits none. */
  fits(length: number): boolean {
    return this.#offset + entryHeaderBytes + length <= this.#segmentBytes
  }

  /** Begins a new segment. */
  roll(): void {
    this.flush()
    this.#segment++
    this.#offset = 0
  }

  /** Adds an entry to the current segment, however full it is. `tag` is 1 to 255; the parts of the payload must not change until the next flush. */
  append(tag: number, ...parts: readonly Uint8Array[]): WalPosition {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const header = Buffer.allocUnsafe(entryHeaderBytes)
    header.writeUInt32LE(length, 0)
    header[8] = tag
    header.writeUInt32LE(checksum(header, parts), 4)
    this.#pending.push(header, ...parts)
    const position = { segment: this.#segment, offset: this.#offset, length }
    this.#offset += entryHeaderBytes + length
    this.#pendingBytes += entryHeaderBytes + length
    return position
  }

  /** Hands gathered entries to the disk, unsynced. */
  flush(): void {
    if (this.#pending.length === 0) return
    const pending = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    this.#disk.append(this.#segment, pending)
  }

  /** Calls `done` once everything appended so far survives a crash. */
  sync(done: (error?: Error) => void): void {
    this.flush()
    this.#disk.sync(done)
  }

  /**
   * The payload at a position.
   * @throws DrawbridgeError `WAL_DAMAGED` when the entry is gone or its checksum does not fit.
   */
  read(position: WalPosition): Uint8Array {
    this.flush()
    const bytes = this.#disk.read(position.segment, position.offset, entryHeaderBytes + position.length)
    const entry = entryAt(bytes, 0)
    if (entry === undefined) throw damaged(position.segment, position.offset)
    return entry.payload
  }

  /**
   * Visits the sound entries of a segment from the byte `from`, where an entry begins; stops at the first that is not
   * sound. Payloads are views of one large read: copy what is kept for long.
   */
  scan(
    segment: number,
    visit: (tag: number, payload: Uint8Array, position: WalPosition) => void,
    from = 0,
  ): SegmentScan {
    this.flush()
    const bytes = this.#disk.read(segment, from, this.#disk.size(segment) - from)
    let at = 0
    for (let entry = entryAt(bytes, at); entry !== undefined; entry = entryAt(bytes, at)) {
      visit(entry.tag, entry.payload, { segment, offset: from + at, length: entry.payload.length })
      at += entryHeaderBytes + entry.payload.length
    }
    return { soundBytes: from + at, tornBytes: bytes.length - at }
  }

  /** The first entry of a segment, or undefined when it has none that is sound. */
  first(segment: number): { readonly tag: number; readonly payload: Uint8Array } | undefined {
    const header = this.#disk.read(segment, 0, entryHeaderBytes)
    if (header.length < entryHeaderBytes) return undefined
    const length = view(header).getUint32(0, true)
    if (length > this.#disk.size(segment)) return undefined
    return entryAt(this.#disk.read(segment, 0, entryHeaderBytes + length), 0)
  }

  /** Segments on the disk, ascending. */
  segments(): readonly number[] {
    return this.#disk.segments()
  }

  /** Bytes of a segment that are on the disk. */
  sizeOf(segment: number): number {
    return this.#disk.size(segment)
  }

  /** Cuts what follows the sound entries of a segment. */
  cut(segment: number, soundBytes: number): void {
    this.#disk.truncate(segment, soundBytes)
  }

  /** Removes a segment. */
  drop(segment: number): void {
    this.#disk.drop(segment)
  }
}

interface Entry {
  readonly tag: number
  readonly payload: Uint8Array
}

function entryAt(bytes: Uint8Array, at: number): Entry | undefined {
  if (at + entryHeaderBytes > bytes.length) return undefined
  const header = bytes.subarray(at, at + entryHeaderBytes)
  const length = view(header).getUint32(0, true)
  const tag = header[8]!
  if (tag === 0 || length > bytes.length - at - entryHeaderBytes) return undefined
  const payload = bytes.subarray(at + entryHeaderBytes, at + entryHeaderBytes + length)
  return checksum(header, [payload]) === view(header).getUint32(4, true) ? { tag, payload } : undefined
}

/** Covers the length too: a torn length must not pass with a payload of zeros. */
function checksum(header: Uint8Array, parts: readonly Uint8Array[]): number {
  const lengthAndTag = Uint8Array.of(header[0]!, header[1]!, header[2]!, header[3]!, header[8]!)
  return parts.reduce((sum, part) => crc32(part, sum), crc32(lengthAndTag))
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The error for an entry that should be sound and is not. */
export function damaged(segment: number, offset: number): DrawbridgeError {
  return new DrawbridgeError('WAL_DAMAGED', `Segment ${segment} of the write-ahead log is damaged at byte ${offset}.`, {
    nextStep:
      'Move the folder away and start with an empty one: the validator asks the committee for what it needs to know.',
  })
}
