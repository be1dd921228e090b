import type { TLSSocket } from 'node:tls'
import type { Clock, Timer } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { publicBytesOf } from '../identity/keys.ts'
import { FrameReader, frameHeader } from './framing.ts'
import { decodeHello, encodeHello, type Hello, helloRefusal } from './hello.ts'

/** Why a connection was refused, counted for the metrics. */
export type RefusalKind = keyof RefusalCounts

/** Counts of refused connections. */
export interface RefusalCounts {
  /** No certificate, or one with a key outside the committee. */
  stranger: number
  /** A committee key, but not the one of the authority that was dialled. */
  wrongKey: number
  /** Another epoch, committee or protocol version. */
  wrongEpoch: number
  /** Too many sockets in handshake, a broken or late handshake. */
  handshake: number
}

/** What a handshake compares with. */
export interface HandshakeRules {
  readonly hello: Hello
  /** The authority of a network key, if it is in the committee and not ourselves. */
  readonly authorityOf: (networkKey: Uint8Array) => number | undefined
  readonly clock: Clock
  readonly timeoutMs: number
  readonly maxFrameBytes: number
}

/** How a handshake ends: exactly one of the two is called. */
export interface HandshakeEnd {
  /** The peer is proved; the reader holds what came after its hello. */
  opened(peer: number, reader: FrameReader): void
  /** `kind` is undefined when the network failed and nobody is to blame. */
  refused(reason: string, kind: RefusalKind | undefined): void
}

const maxHelloBytes = 256

/**
 * Settles who is on the other side of a TLS socket: first the key in its certificate, then its hello. TLS has proved
 * that the peer holds the private key. Nothing the peer sends is read before the key is known.
 */
export class Handshake {
  readonly #socket: TLSSocket
  readonly #rules: HandshakeRules
  readonly #expected: number | undefined
  readonly #end: HandshakeEnd
  readonly #reader: FrameReader
  readonly #deadline: Timer
  #peer: number | undefined
  #over = false
  readonly #onData = (chunk: Uint8Array): void => this.#receive(chunk, this.#peer!)
  readonly #onError = (error: Error): void => this.#refuse(messageOf(error), undefined)
  readonly #onClose = (): void => this.#refuse('the peer closed the link during the handshake', undefined)

  /** `expected` is the authority that was dialled; undefined on a socket that was taken, which is secure already. */
  constructor(socket: TLSSocket, rules: HandshakeRules, expected: number | undefined, end: HandshakeEnd) {
    this.#socket = socket
    this.#rules = rules
    this.#expected = expected
    this.#end = end
    this.#reader = new FrameReader(rules.maxFrameBytes)
    this.#deadline = rules.clock.after(rules.timeoutMs, () => this.#refuse('the handshake took too long', 'handshake'))
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
    if (expected === undefined) this.#proveKey()
    else socket.once('secureConnect', () => this.#proveKey())
  }

  #proveKey(): void {
    const key = this.#socket.getPeerX509Certificate()?.publicKey
    const bytes = key === undefined ? undefined : publicBytesOf(key)
    const peer = bytes === undefined ? undefined : this.#rules.authorityOf(bytes)
    if (peer === undefined) {
      this.#refuse('the peer has no key of this committee', 'stranger')
    } else if (this.#expected !== undefined && peer !== this.#expected) {
      this.#refuse(`the peer has the key of authority ${peer}`, 'wrongKey')
    } else {
      this.#peer = peer
      this.#sayHello()
    }
  }

  #sayHello(): void {
    const hello = encodeHello(this.#rules.hello)
    this.#socket.write(Buffer.concat([frameHeader(hello.length), hello]))
    this.#socket.on('data', this.#onData)
  }

  #receive(chunk: Uint8Array, peer: number): void {
    try {
      this.#reader.push(chunk)
      const frame = this.#reader.next(maxHelloBytes)
      if (frame !== undefined) this.#judge(frame, peer)
    } catch (error) {
      this.#refuse(messageOf(error), 'handshake')
    }
  }

  #judge(frame: Uint8Array, peer: number): void {
    const refusal = helloRefusal(decodeHello(frame), this.#rules.hello, peer)
    if (refusal !== undefined) {
      this.#refuse(refusal, 'wrongEpoch')
      return
    }
    this.#finish()
    this.#socket.off('error', this.#onError)
    this.#end.opened(peer, this.#reader)
  }

  #refuse(reason: string, kind: RefusalKind | undefined): void {
    if (this.#over) return
    this.#finish()
    this.#socket.destroy()
    this.#end.refused(this.#peer === undefined ? reason : `authority ${this.#peer}: ${reason}`, kind)
  }

  #finish(): void {
    this.#over = true
    this.#rules.clock.clear(this.#deadline)
    this.#socket.off('data', this.#onData)
    this.#socket.off('close', this.#onClose)
  }
}
