import type { BodyReceiver, CarrierError } from './types.ts'

const nothing: Buffer = Buffer.alloc(0)
/** Pieces below this are copied together: a `Buffer` of one byte costs the heap 170. */
const small = 4096
const largestBlock = 262_144

/** Gathers a streamed body into one buffer, at a cost by its bytes, not its pieces. The sender of the pieces guards the limit. */
export class Collector implements BodyReceiver {
  readonly limit: number
  size = 0
  #first: Buffer | undefined
  #more: Buffer[] | undefined
  /** The block that pieces are copied into; its first `#used` bytes are taken. */
  #block = nothing
  #used = 0
  readonly #done: (error: CarrierError | undefined, body: Buffer) => void

  constructor(limit: number, done: (error: CarrierError | undefined, body: Buffer) => void) {
    this.limit = limit
    this.#done = done
  }

  /** How many buffers are held. */
  get pieces(): number {
    if (this.#first === undefined) return 0
    return (this.#more?.length ?? 1) + (this.#used > 0 ? 1 : 0)
  }

  onData(chunk: Buffer): void {
    this.size += chunk.length
    if (this.#first === undefined) this.#first = chunk
    else this.#add(chunk)
  }

  #add(chunk: Buffer): void {
    this.#more ??= [this.#first!]
    // What fits is copied whatever its size: so the room that a closed block wastes is less than the piece that closed it.
    if (chunk.length > this.#block.length - this.#used) {
      this.#close()
      if (chunk.length >= small) {
        this.#more.push(chunk)
        return
      }
      this.#block = Buffer.allocUnsafeSlow(Math.min(Math.max(this.size, small), largestBlock))
    }
    this.#block.set(chunk, this.#used)
    this.#used += chunk.length
  }

  #close(): void {
    if (this.#used > 0) this.#more!.push(this.#block.subarray(0, this.#used))
    this.#block = nothing
    this.#used = 0
  }

  onEnd(): void {
    if (this.#more === undefined) {
      this.#done(undefined, this.#first ?? nothing)
      return
    }
    this.#close()
    this.#done(undefined, Buffer.concat(this.#more, this.size))
  }

  onError(error: CarrierError): void {
    this.#first = this.#more = undefined
    this.#block = nothing
    this.#used = 0
    this.#done(error, nothing)
  }
}
