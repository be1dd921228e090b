import { endsEscaped, marks, stringEnd } from './json-loose.ts'

/** Passes over one string or container whose bytes come in chunks, however these are cut. Keeps three numbers. */
export class ChunkedSkip {
  #depth = 0
  #inString = false
  #escaped = false

  /** Begins past the opening quote of a string. */
  beginString(): void {
    this.#inString = true
  }

  /** Begins past the opening bracket of an array or object. */
  beginContainer(): void {
    this.#depth = 1
  }

  /** Whether the value has ended. */
  get done(): boolean {
    return this.#depth === 0 && !this.#inString
  }

  /** The offset past the value, or the length of the chunk when the value goes on. Only while it is not done. */
  skip(chunk: Buffer, at: number): number {
    if (this.#inString) at = this.#skipString(chunk, at)
    const end = chunk.length
    let depth = this.#depth
    while (at < end && depth > 0) {
      const mark = marks[chunk[at++]!]
      if (mark === 1) {
        const past = stringEnd(chunk, at)
        at = past === -1 ? this.#skipString(chunk, at) : past
      } else if (mark === 2) depth++
      else if (mark === 3) depth--
    }
    this.#depth = depth
    return at
  }

  #skipString(chunk: Buffer, at: number): number {
    if (this.#escaped) at++
    const end = stringEnd(chunk, at)
    this.#inString = end === -1
    this.#escaped = end === -1 && endsEscaped(chunk, at, chunk.length)
    return end === -1 ? chunk.length : end
  }
}
