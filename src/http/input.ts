const nothing: Buffer = Buffer.alloc(0)

/**
 * The bytes of a connection that are being parsed, and those that have to wait. A read may come in bytes that the next
 * read overwrites: what is used of them is copied, and so is what waits.
 */
export class Input {
  /** Being parsed: from `at` to `end`. What lies behind `end` is old. */
  bytes: Buffer = nothing
  at = 0
  end = 0
  #owned = true
  #held: Buffer | undefined

  /** True when bytes wait for their turn. */
  get waiting(): boolean {
    return this.#held !== undefined
  }

  /** True when there are bytes that were not parsed. */
  get pending(): boolean {
    return this.#held !== undefined || this.at < this.end
  }

  /** Takes a read in, behind what waited. `owned` says that nobody else will overwrite the bytes. */
  take(bytes: Buffer, length: number, owned: boolean): void {
    if (this.#held === undefined) this.#set(bytes, length, owned)
    else {
      const joined = Buffer.concat([this.#held, bytes.subarray(0, length)])
      this.#held = undefined
      this.#set(joined, joined.length, true)
    }
  }

  /** Turns to what waited. */
  takeWaiting(): void {
    const bytes = this.#held ?? nothing
    this.#held = undefined
    this.#set(bytes, bytes.length, true)
  }

  #set(bytes: Buffer, end: number, owned: boolean): void {
    this.bytes = bytes
    this.at = 0
    this.end = end
    this.#owned = owned
  }

  /** Lets what was not parsed wait; returns how much that is. */
  hold(): number {
    const rest = this.end - this.at
    this.#held = rest === 0 ? undefined : this.copy(this.at, this.end)
    this.#set(nothing, 0, true)
    return rest
  }

  /** Forgets all bytes. */
  clear(): void {
    this.#held = undefined
    this.at = this.end
  }

  /** A part of the bytes that can be kept. */
  copy(from: number, to: number): Buffer {
    if (this.#owned) return this.bytes.subarray(from, to)
    const copy = Buffer.allocUnsafe(to - from)
    this.bytes.copy(copy, 0, from, to)
    return copy
  }
}
