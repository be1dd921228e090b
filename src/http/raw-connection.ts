import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** A connection after an Upgrade: an ordinary stream, fed by whoever reads the socket. */
export class RawConnection extends Duplex {
  readonly #socket: Socket
  readonly #setReading: (reading: boolean) => void

  constructor(socket: Socket, setReading: (reading: boolean) => void) {
    super({ allowHalfOpen: false })
    this.#socket = socket
    this.#setReading = setReading
  }

  /** Takes bytes in; null at the end of the input. */
  feed(bytes: Buffer | null): void {
    if (!this.push(bytes)) this.#setReading(false)
  }

  /** The connection is gone. */
  lose(failure: Error | undefined): void {
    this.destroy(failure)
  }

  override _read(): void {
    this.#setReading(true)
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}
