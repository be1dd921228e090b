import type { Socket } from 'node:net'
import { frameChunk, join } from './chunk.ts'

/** Up to here head and body are copied into one buffer; above, two buffers go out in one system call. */
const joined = 32_768
/** Longer bodies go out in pieces of this size, so that a client that reads slowly is told from one that does not read. */
const piece = 131_072

/** What a server sends on one connection, and how long the client has left it unread. */
export class Outbox {
  readonly #socket: Socket
  /** What is left of a whole answer that the socket could not take at once. */
  #rest: Buffer | undefined
  #lastUnread = 0
  #unreadSince = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** True while the client has to read before more should be written. */
  get full(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Bytes that the client has not made room for yet. */
  get unread(): number {
    return this.#socket.writableLength + (this.#rest?.length ?? 0)
  }

  /** Writes bytes of a streamed answer; false asks to wait. */
  write(bytes: Buffer | string): boolean {
    return typeof bytes === 'string' ? this.#socket.write(bytes, 'latin1') : this.#socket.write(bytes)
  }

  /** Writes one chunk of a chunked answer; false asks to wait. */
  writeChunk(bytes: Buffer): boolean {
    return frameChunk(this.#socket, bytes)
  }

  /** Sends a whole answer; false when a part of it is left for {@link drained}. */
  send(head: string, body: Buffer | undefined): boolean {
    if (body === undefined || body.length === 0) this.#socket.write(head, 'latin1')
    else if (body.length <= joined) this.#socket.write(join(head, body))
    else this.#sendParts(head, body)
    return this.#rest === undefined
  }

  #sendParts(head: string, body: Buffer): void {
    this.#rest = body
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    this.#sendRest()
    this.#socket.uncork()
  }

  #sendRest(): void {
    while (this.#rest !== undefined) {
      const part = this.#rest.subarray(0, piece)
      this.#rest = this.#rest.length === part.length ? undefined : this.#rest.subarray(piece)
      if (!this.#socket.write(part)) return
    }
  }

  /** The socket can take more; true when this has completed a whole answer. */
  drained(): boolean {
    if (this.#rest === undefined) return false
    this.#sendRest()
    return this.#rest === undefined
  }

  clear(): void {
    this.#rest = undefined
  }

  /** Whether bytes have waited for `limitMs` without any of them leaving. To be asked regularly. */
  isStuck(now: number, limitMs: number): boolean {
    const unread = this.#socket.writableLength
    if (unread === 0 || unread < this.#lastUnread || this.#lastUnread === 0) this.#unreadSince = now
    this.#lastUnread = unread
    return unread > 0 && now - this.#unreadSince >= limitMs
  }
}
