import { GatheredBytes } from '../core/gathered-bytes.ts'
import type { BodyReceiver, CarrierError } from './types.ts'

const nothing: Buffer = Buffer.alloc(0)

/** Gathers a streamed body into one buffer, at a cost by its bytes, not its pieces. The sender of the pieces guards the limit. */
export class Collector implements BodyReceiver {
  readonly limit: number
  readonly #gathered = new GatheredBytes()
  readonly #done: (error: CarrierError | undefined, body: Buffer) => void

  constructor(limit: number, done: (error: CarrierError | undefined, body: Buffer) => void) {
    this.limit = limit
    this.#done = done
  }

  get size(): number {
    return this.#gathered.length
  }

  /** How many buffers are held. */
  get pieces(): number {
    return this.#gathered.pieces
  }

  onData(chunk: Buffer): void {
    this.#gathered.add(chunk)
  }

  onEnd(): void {
    this.#done(undefined, this.#gathered.take())
  }

  onError(error: CarrierError): void {
    this.#gathered.drop()
    this.#done(error, nothing)
  }
}
