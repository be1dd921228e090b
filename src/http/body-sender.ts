import type { Socket } from 'node:net'
import { frameChunk, lastChunk } from './chunk.ts'
import { type BodyReceiver, type BodySource, CarrierError, type Flow } from './types.ts'

/** Sends a streamed request body, as fast as the socket takes it. */
export class BodySender implements BodyReceiver {
  /** True until all of the body is handed to the socket. */
  sending = true
  readonly #socket: Socket
  readonly #onBroken: (error: CarrierError) => void
  #left: number | undefined
  #flow: Flow | undefined
  #full = false

  /** `onBroken` is called when the source fails or does not keep its declared length. */
  constructor(socket: Socket, onBroken: (error: CarrierError) => void) {
    this.#socket = socket
    this.#onBroken = onBroken
  }

  open(source: BodySource): void {
    this.#left = source.length
    this.#flow = source.open(this)
    if (this.#full) this.#flow.pause()
  }

  onData(chunk: Buffer): void {
    if (!this.sending || chunk.length === 0) return
    if (this.#left !== undefined) {
      this.#left -= chunk.length
      if (this.#left < 0) this.#break('The request body is longer than its declared length.')
    }
    if (this.sending) this.#send(chunk)
  }

  #send(chunk: Buffer): void {
    const more = this.#left === undefined ? frameChunk(this.#socket, chunk) : this.#socket.write(chunk)
    if (more || this.#full) return
    this.#full = true
    this.#flow?.pause()
  }

  onEnd(): void {
    if (!this.sending) return
    if ((this.#left ?? 0) > 0) this.#break('The request body is shorter than its declared length.')
    else if (this.#left === undefined) this.#socket.write(lastChunk)
    this.sending = false
  }

  onError(error: CarrierError): void {
    if (!this.sending) return
    this.sending = false
    this.#onBroken(error)
  }

  /** The socket can take more. */
  drained(): void {
    if (!this.#full) return
    this.#full = false
    if (this.sending) this.#flow?.resume()
  }

  /** The answer is complete or the connection gone: nothing more is wanted. */
  stop(): void {
    if (!this.sending) return
    this.sending = false
    this.#flow?.pause()
  }

  #break(message: string): void {
    this.onError(new CarrierError('MALFORMED', message, true))
  }
}
