import { MalformedJson } from './json-text.ts'

/** Bytes that are collected from chunks until they are complete, up to a limit. */
export class HeldBytes {
  readonly #limit: number
  #pieces: Buffer[] = []
  #length = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get length(): number {
    return this.#length
  }

  /** @throws {MalformedJson} over the limit */
  add(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#length > this.#limit) {
      throw new MalformedJson(`The answer has an error or number of more than ${this.#limit} bytes.`, 0)
    }
  }

  /** All that was added, in one piece; nothing is held afterwards. */
  take(): Buffer {
    const whole = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
    this.drop()
    return whole
  }

  drop(): void {
    this.#pieces = []
    this.#length = 0
  }
}
