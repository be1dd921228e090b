import { DrawbridgeError } from '../../core/errors.ts'

/** Bytes before a frame: its length, u32 big-endian. */
export const frameHeaderBytes = 4

/** The header of a frame of `length` bytes. */
export function frameHeader(length: number): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes)
  header.writeUInt32BE(length, 0)
  return header
}

/**
 * Cuts a stream of bytes into length-prefixed frames. A length over `maxBytes` is refused before anything is kept for
 * it. Frames do not share memory with much larger chunks, so a kept frame does not keep a whole socket buffer.
 */
export class FrameReader {
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  #buffered = 0
  #wanted: number | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Adds received bytes. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
  }

  /**
   * The next whole frame, or undefined when more bytes are needed.
   * @throws DrawbridgeError `FRAME_TOO_LARGE`; the stream cannot be read on.
   */
  next(): Uint8Array | undefined {
    if (this.#wanted === undefined) {
      if (this.#buffered < frameHeaderBytes) return undefined
      this.#wanted = this.#readLength()
    }
    if (this.#buffered < this.#wanted) return undefined
    const frame = this.#take(this.#wanted)
    this.#wanted = undefined
    return frame
  }

  #readLength(): number {
    const header = this.#take(frameHeaderBytes)
    const length = new DataView(header.buffer, header.byteOffset).getUint32(0)
    if (length > this.#maxBytes) {
      throw new DrawbridgeError('FRAME_TOO_LARGE', `A frame of ${length} bytes is over the limit of ${this.#maxBytes}.`)
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
