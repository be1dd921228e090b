import type { TLSSocket } from 'node:tls'
import type { Clock, Timer } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { LinkHandlers, PeerLink } from '../seams.ts'
import { type FrameReader, frameHeader, frameHeaderBytes } from './framing.ts'

/** Limits of one link. */
export interface LinkLimits {
  /** Largest frame taken from a peer. */
  readonly maxFrameBytes: number
  /** Bytes that may wait to be sent; a frame that would go beyond is refused, unless nothing waits. */
  readonly maxQueuedBytes: number
  /** The same for their number: many small frames take far more memory than their bytes. */
  readonly maxQueuedFrames: number
  /** A link that hears nothing for this long is closed; the other side's empty frames keep it open. */
  readonly idleMs: number
}

/** Frames below this are sent in one piece with their header; larger ones are not copied. */
const copyBelowBytes = 16 * 1024

/**
 * Frames over one socket. Between `new` and {@link SocketLink.attach} nothing is delivered, so that identity is
 * settled before the first frame. Empty frames are heartbeats and never reach the handlers.
 */
export class SocketLink implements PeerLink {
  readonly peer: number
  readonly #socket: TLSSocket
  readonly #clock: Clock
  readonly #limits: LinkLimits
  readonly #reader: FrameReader
  #handlers: LinkHandlers | undefined
  #paused = false
  #refused = false
  #queuedFrames = 0
  #closed: string | undefined
  #heardAt: number
  #heartbeat: Timer | undefined

  constructor(peer: number, socket: TLSSocket, reader: FrameReader, clock: Clock, limits: LinkLimits) {
    this.peer = peer
    this.#socket = socket
    this.#clock = clock
    this.#limits = limits
    this.#reader = reader
    this.#heardAt = clock.now()
  }

  /** Starts delivery. Frames that came with the handshake's last bytes follow at once. */
  attach(handlers: LinkHandlers): void {
    this.#handlers = handlers
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', (error) => this.#finish(messageOf(error)))
    this.#socket.on('close', () => this.#finish('the peer closed the link'))
    this.#beat()
    this.#deliver()
  }

  send(frame: Uint8Array): boolean {
    if (this.#closed !== undefined) return false
    const queued = this.#socket.writableLength
    const { maxQueuedBytes, maxQueuedFrames } = this.#limits
    if (this.#queuedFrames >= maxQueuedFrames || (queued > 0 && queued + frame.length > maxQueuedBytes)) {
      this.#refused = true
      return false
    }
    this.#queuedFrames++
    this.#write(frame)
    return true
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#heardAt = this.#clock.now()
    this.#socket.resume()
    // What is buffered is delivered from a fresh stack: the caller may be inside onFrame.
    this.#clock.after(0, () => this.#deliver())
  }

  close(reason: string): void {
    if (this.#closed !== undefined) return
    this.#clock.after(0, () => this.#finish(reason))
  }

  #write(frame: Uint8Array): void {
    const header = frameHeader(frame.length)
    if (frame.length < copyBelowBytes) {
      this.#socket.write(Buffer.concat([header, frame], frameHeaderBytes + frame.length), this.#written)
      return
    }
    this.#socket.cork()
    this.#socket.write(header)
    this.#socket.write(frame, this.#written)
    this.#socket.uncork()
  }

  #receive(chunk: Uint8Array): void {
    this.#heardAt = this.#clock.now()
    this.#reader.push(chunk)
    this.#deliver()
  }

  #deliver(): void {
    try {
      while (!this.#paused && this.#closed === undefined) {
        const frame = this.#reader.next()
        if (frame === undefined) return
        if (frame.length > 0) this.#handlers?.onFrame(frame)
      }
    } catch (error) {
      this.#finish(messageOf(error))
    }
  }

  // Not the stream's own `drain`: that comes only when its own mark was passed, which a refused frame may not do.
  readonly #written = (): void => {
    this.#queuedFrames--
    if (!this.#refused || this.#closed !== undefined) return
    const { maxQueuedBytes, maxQueuedFrames } = this.#limits
    if (this.#socket.writableLength > maxQueuedBytes / 2 || this.#queuedFrames > maxQueuedFrames / 2) return
    this.#refused = false
    this.#handlers?.onDrain()
  }

  #beat(): void {
    const { idleMs } = this.#limits
    if (!this.#paused && this.#clock.now() - this.#heardAt > idleMs) {
      this.#finish('the link fell silent')
      return
    }
    // A heartbeat only when nothing else is on the way: a full pipe needs none.
    if (this.#socket.writableLength === 0) this.#socket.write(frameHeader(0))
    this.#heartbeat = this.#clock.after(idleMs / 4, () => this.#beat())
  }

  #finish(reason: string): void {
    if (this.#closed !== undefined) return
    this.#closed = reason
    this.#clock.clear(this.#heartbeat)
    this.#socket.destroy()
    this.#handlers?.onClose(reason)
  }
}
