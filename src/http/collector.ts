import type { BodyReceiver, CarrierError } from './types.ts'

const nothing: Buffer = Buffer.alloc(0)

/** Gathers a streamed body into one buffer. The sender of the pieces guards the limit. */
export class Collector implements BodyReceiver {
  readonly limit: number
  size = 0
  #first: Buffer | undefined
  #more: Buffer[] | undefined
  readonly #done: (error: CarrierError | undefined, body: Buffer) => void

  constructor(limit: number, done: (error: CarrierError | undefined, body: Buffer) => void) {
    this.limit = limit
    this.#done = done
  }

  onData(chunk: Buffer): void {
    this.size += chunk.length
    if (this.#first === undefined) this.#first = chunk
    else if (this.#more === undefined) this.#more = [this.#first, chunk]
    else this.#more.push(chunk)
  }

  onEnd(): void {
    if (this.#more === undefined) this.#done(undefined, this.#first ?? nothing)
    else this.#done(undefined, Buffer.concat(this.#more, this.size))
  }

  onError(error: CarrierError): void {
    this.#first = this.#more = undefined
    this.#done(error, nothing)
  }
}
