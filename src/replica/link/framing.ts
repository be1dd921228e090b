import { DrawbridgeError } from '../../core/errors.ts'

/** Bytes before a frame: its length, u32 big-endian. */
export const frameHeaderBytes = 4

/** The header of a frame of `length` bytes. */
export function frameHeader(length: number): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes)
  header.writeUInt32BE(length, 0)
  return header
}

/** Chunks below this are put together while a frame is incomplete: each by itself costs far more than its bytes. */
const smallBytes = 4 * 1024
const gatheredBytes = 16 * 1024

/**
 * Cuts a stream of bytes into length-prefixed frames. A length over `maxBytes` is refused before anything is kept for
 * it. Frames do not share memory with much larger chunks, so a kept frame does not keep a whole socket buffer; and a
 * frame that drips in byte by byte takes no more than its bytes.
 */
export class FrameReader {
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  #buffered = 0
  #wanted: number | undefined
  /** Where small chunks are put together. What is written is never written over: frames may be views of it. */
  #pool = new Uint8Array(0)
  #poolUsed = 0
  /** The view of the pool that may still grow, while it is the last chunk. */
  #growing: Uint8Array | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Adds received bytes. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#buffered += chunk.length
    if (chunk.length >= smallBytes || this.#chunks.length === 0) this.#chunks.push(chunk)
    else this.#gather(chunk)
  }

  #gather(chunk: Uint8Array): void {
    const last = this.#chunks.at(-1)!
    if (this.#poolUsed + chunk.length > this.#pool.length) this.#newPool()
    const grows = last === this.#growing
    const start = this.#poolUsed - (grows ? last.length : 0)
    this.#pool.set(chunk, this.#poolUsed)
    this.#poolUsed += chunk.length
    this.#growing = this.#pool.subarray(start, this.#poolUsed)
    if (grows) this.#chunks[this.#chunks.length - 1] = this.#growing
    else this.#chunks.push(this.#growing)
  }

  #newPool(): void {
    this.#pool = new Uint8Array(gatheredBytes)
    this.#poolUsed = 0
    this.#growing = undefined
  }

  /** Bytes that wait, and the pieces they are in. */
  get waiting(): { readonly bytes: number; readonly chunks: number } {
    return { bytes: this.#buffered, chunks: this.#chunks.length }
  }

  /**
   * The next whole frame, or undefined when more bytes are needed.
   * @param maxBytes a narrower limit for this frame
   * @throws DrawbridgeError `FRAME_TOO_LARGE`; the stream cannot be read on.
   */
  next(maxBytes = this.#maxBytes): Uint8Array | undefined {
    if (this.#wanted === undefined) {
      if (this.#buffered < frameHeaderBytes) return undefined
      this.#wanted = this.#readLength(maxBytes)
    }
    if (this.#buffered < this.#wanted) return undefined
    const frame = this.#take(this.#wanted)
    this.#wanted = undefined
    return frame
  }

  #readLength(maxBytes: number): number {
    const header = this.#take(frameHeaderBytes)
    const length = new DataView(header.buffer, header.byteOffset).getUint32(0)
    if (length > maxBytes) {
      throw new DrawbridgeError('FRAME_TOO_LARGE', `A frame of ${length} bytes is over the limit of ${maxBytes}.`)
    }
    return length
  }

  #take(length: number): Uint8Array {
    const first = this.#chunks[0]
    this.#buffered -= length
    if (first !== undefined && first.length >= length) return this.#takeFrom(first, length)
    const frame = new Uint8Array(length)
    for (let at = 0; at < length; ) {
      const chunk = this.#chunks[0]!
      const part = chunk.length <= length - at ? chunk : chunk.subarray(0, length - at)
      frame.set(part, at)
      at += part.length
      if (part === chunk) this.#chunks.shift()
      else this.#chunks[0] = chunk.subarray(part.length)
    }
    return frame
  }

  #takeFrom(chunk: Uint8Array, length: number): Uint8Array {
    if (chunk.length === length) this.#chunks.shift()
    else this.#chunks[0] = chunk.subarray(length)
    const part = chunk.subarray(0, length)
    return length * 2 < chunk.buffer.byteLength ? new Uint8Array(part) : part
  }
}
