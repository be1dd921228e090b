const nothing: Buffer = Buffer.alloc(0)
/** Pieces below this are copied together: a `Buffer` of one byte costs the heap 170. */
const small = 4096
const largestBlock = 262_144

/** Gathers pieces that are held until they are wanted as a whole, at a cost by their bytes, not their number. */
export class GatheredBytes {
  length = 0
  #first: Buffer | undefined
  #more: Buffer[] | undefined
  /** The block that pieces are copied into; its first `#used` bytes are taken. */
  #block = nothing
  #used = 0

  /** How many buffers are held. */
  get pieces(): number {
    if (this.#first === undefined) return 0
    return (this.#more?.length ?? 1) + (this.#used > 0 ? 1 : 0)
  }

  /** The piece must stay unchanged: a large one is kept as it is. */
  add(piece: Buffer): void {
    this.length += piece.length
    if (this.#first === undefined) this.#first = piece
    else this.#append(piece)
  }

  #append(piece: Buffer): void {
    this.#more ??= [this.#first!]
    // What fits is copied whatever its size: so the room that a closed block wastes is less than the piece that closed it.
    if (piece.length > this.#block.length - this.#used) {
      this.#close()
      if (piece.length >= small) {
        this.#more.push(piece)
        return
      }
      this.#block = Buffer.allocUnsafeSlow(Math.min(Math.max(this.length, small), largestBlock))
    }
    this.#block.set(piece, this.#used)
    this.#used += piece.length
  }

  #close(): void {
    if (this.#used > 0) this.#more!.push(this.#block.subarray(0, this.#used))
    this.#block = nothing
    this.#used = 0
  }

  /** All that was added, in one piece; nothing is held afterwards. */
  take(): Buffer {
    this.#close()
    const whole = this.#more === undefined ? (this.#first ?? nothing) : Buffer.concat(this.#more, this.length)
    this.drop()
    return whole
  }

  drop(): void {
    this.#first = this.#more = undefined
    this.#block = nothing
    this.#used = 0
    this.length = 0
  }
}
