import { TOKEN, VALUE } from './characters.ts'

const LENGTH = 0
const UNTIL_CLOSE = 1
const SIZE = 2
const EXTENSION = 3
const SIZE_LF = 4
const DATA = 5
const DATA_CR = 6
const DATA_LF = 7
const TRAILER_START = 8
const TRAILER_NAME = 9
const TRAILER_VALUE = 10
const TRAILER_LF = 11
const LAST_LF = 12

const maxSizeDigits = 12
/** Bytes that the chunk extensions and trailers of one message may take, all together. */
const maxOverhead = 16_384

/**
 * Finds the body in a stream of bytes, by length, in chunks (RFC 9112 §7.1, strictly) or until the connection closes.
 * It copies nothing: {@link read} points at the next piece. Extensions and trailers are checked, counted and dropped.
 *
 * @example
 * const reader = new BodyReader()
 * reader.startChunked()
 * reader.read(bytes, 0, bytes.length) // bytes.subarray(reader.from, reader.to) is the first piece
 */
export class BodyReader {
  /** True when the whole body was seen. */
  done = true
  /** Why the framing is broken, as a sentence; undefined while it is fine. */
  broken: string | undefined
  /** The piece found by the last read; empty when both are equal. */
  from = 0
  to = 0
  #state = LENGTH
  #left = 0
  #digits = 0
  #overhead = 0

  /** Bytes still to come, when that is known. */
  get left(): number | undefined {
    return this.#state === LENGTH ? this.#left : undefined
  }

  /** True while only the end of the connection ends the body. */
  get endsWithConnection(): boolean {
    return !this.done && this.#state === UNTIL_CLOSE
  }

  startLength(length: number): void {
    this.#start(LENGTH)
    this.#left = length
    this.done = length === 0
  }

  startChunked(): void {
    this.#start(SIZE)
    this.#left = 0
    this.#digits = 0
    this.#overhead = 0
  }

  startUntilClose(): void {
    this.#start(UNTIL_CLOSE)
  }

  #start(state: number): void {
    this.#state = state
    this.done = false
    this.broken = undefined
  }

  /** Reads from `at` to the end of the next piece at most; returns where to go on. */
  read(bytes: Buffer, at: number, end: number): number {
    if (this.#state === LENGTH) return this.#piece(at, end)
    if (this.#state === UNTIL_CLOSE) {
      this.from = at
      this.to = end
      return end
    }
    this.from = this.to = at
    while (at < end && !this.done && this.broken === undefined) {
      if (this.#state === DATA) return this.#chunkPiece(at, end)
      this.#step(bytes[at++]!)
    }
    return at
  }

  #piece(at: number, end: number): number {
    const to = Math.min(end, at + this.#left)
    this.#left -= to - at
    this.done = this.#left === 0
    this.from = at
    this.to = to
    return to
  }

  #chunkPiece(at: number, end: number): number {
    const to = Math.min(end, at + this.#left)
    this.#left -= to - at
    if (this.#left === 0) this.#state = DATA_CR
    this.from = at
    this.to = to
    return to
  }

  #step(byte: number): void {
    switch (this.#state) {
      case SIZE:
        this.#size(byte)
        break
      case EXTENSION:
        if (byte === 13) this.#state = SIZE_LF
        else this.#count(VALUE[byte] === 1, 'A chunk extension is malformed.')
        break
      case SIZE_LF:
        this.#expect(byte === 10, this.#left === 0 ? TRAILER_START : DATA, 'A chunk size does not end in CRLF.')
        break
      case DATA_CR:
        this.#expect(byte === 13, DATA_LF, 'A chunk does not end where its size says.')
        break
      case DATA_LF:
        this.#digits = 0
        this.#expect(byte === 10, SIZE, 'A chunk does not end where its size says.')
        break
      default:
        this.#trailer(byte)
        break
    }
  }

  #size(byte: number): void {
    const digit = hexDigit(byte)
    if (digit >= 0) {
      this.#left = this.#left * 16 + digit
      if (++this.#digits > maxSizeDigits) this.broken = 'A chunk size is too long.'
    } else if (this.#digits === 0) this.broken = 'A chunk size is not hexadecimal.'
    else if (byte === 13) this.#state = SIZE_LF
    else this.#expect(byte === 59, EXTENSION, 'A chunk size is not hexadecimal.')
  }

  #trailer(byte: number): void {
    switch (this.#state) {
      case TRAILER_START:
        if (byte === 13) this.#state = LAST_LF
        else this.#expect(TOKEN[byte] === 1, TRAILER_NAME, 'A trailer is malformed.')
        break
      case TRAILER_NAME:
        if (byte === 58) this.#state = TRAILER_VALUE
        else this.#count(TOKEN[byte] === 1, 'A trailer is malformed.')
        break
      case TRAILER_VALUE:
        if (byte === 13) this.#state = TRAILER_LF
        else this.#count(VALUE[byte] === 1, 'A trailer is malformed.')
        break
      case TRAILER_LF:
        this.#expect(byte === 10, TRAILER_START, 'A trailer is malformed.')
        break
      default:
        if (byte === 10) this.done = true
        else this.broken = 'The last chunk does not end in CRLF.'
    }
  }

  /** Moves on to `next`. One byte is booked each time, so that short trailers are bounded as well as long ones. */
  #expect(fine: boolean, next: number, otherwise: string): void {
    if (fine) this.#state = next
    else this.broken = otherwise
    if (next === TRAILER_NAME) this.#count(true, otherwise)
  }

  #count(fine: boolean, otherwise: string): void {
    if (!fine) this.broken = otherwise
    else if (++this.#overhead > maxOverhead) this.broken = 'Chunk extensions and trailers are too long.'
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
