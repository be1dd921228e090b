import { GatheredBytes } from '../core/gathered-bytes.ts'
import { MalformedJson } from './json-text.ts'

/** Bytes that are collected from chunks until they are complete, up to a limit. */
export class HeldBytes {
  readonly #limit: number
  readonly #gathered = new GatheredBytes()

  constructor(limit: number) {
    this.#limit = limit
  }

  get length(): number {
    return this.#gathered.length
  }

  /** @throws {MalformedJson} over the limit */
  add(piece: Buffer): void {
    this.#gathered.add(piece)
    if (this.#gathered.length > this.#limit) {
      throw new MalformedJson(`The answer has an error or number of more than ${this.#limit} bytes.`, 0)
    }
  }

  /** All that was added, in one piece; nothing is held afterwards. */
  take(): Buffer {
    return this.#gathered.take()
  }

  drop(): void {
    this.#gathered.drop()
  }
}
