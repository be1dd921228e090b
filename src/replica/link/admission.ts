import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { networkOf } from '../../core/network-of.ts'
import type { Random } from '../../core/random.ts'
import { TokenBucket } from '../token-bucket.ts'
import { HandshakePlaces } from './handshake-places.ts'

/** What admission needs. */
export interface AdmissionOptions {
  readonly tls: TlsOptions
  readonly clock: Clock
  readonly random: Random
  /** Whether a member is known to use this network. */
  readonly isMember: (network: string) => boolean
  /** Time for the first byte. */
  readonly silentMs: number
  /** Sockets that have not said anything: they cost next to nothing. */
  readonly silentPlaces: number
  /** Sockets in the handshake of TLS. */
  readonly tlsPlaces: number
  /** A socket arrived; whoever closes us closes it. */
  readonly track: (socket: Socket) => void
  /** The handshake of TLS is over; nothing is known about the peer but its certificate. */
  readonly secured: (socket: TLSSocket) => void
  readonly refused: (reason: string) => void
}

/** Handshakes of TLS that are begun at once, and each second: each costs the thread about a millisecond. */
const handshakes = { members: { burst: 200, perSecond: 200 }, strangers: { burst: 50, perSecond: 50 } }

/**
 * Lets sockets in as far as the handshake of TLS, which they begin only once they have said something. Strangers can
 * neither pile up sockets nor keep members out: see {@link HandshakePlaces}.
 */
export class Admission {
  /** Not listening yet. */
  readonly server: Server
  readonly #options: AdmissionOptions
  readonly #tls: TlsServer
  readonly #silent: HandshakePlaces
  readonly #greeting: HandshakePlaces
  readonly #raw = new Map<string, Socket>()
  readonly #turns: { readonly members: TokenBucket; readonly strangers: TokenBucket }

  constructor(options: AdmissionOptions) {
    const { clock, silentPlaces, tlsPlaces, refused } = options
    const full = (): void => refused('all places for handshakes are taken')
    this.#options = options
    this.#silent = new HandshakePlaces({ ...options, places: silentPlaces, turnedAway: full })
    // Node tells of these by itself, as handshakes that were broken off.
    this.#greeting = new HandshakePlaces({ ...options, places: tlsPlaces, turnedAway: () => {} })
    this.#turns = {
      members: new TokenBucket(clock, handshakes.members),
      strangers: new TokenBucket(clock, handshakes.strangers),
    }
    this.#tls = createTlsServer(options.tls, (socket) => this.#secured(socket))
    this.#tls.on('tlsClientError', (error, socket) => {
      // Node leaves a socket open whose handshake timed out.
      socket.destroy()
      refused(messageOf(error))
    })
    this.server = createTcpServer((socket) => this.#arrived(socket))
  }

  #arrived(socket: Socket): void {
    const { clock, silentMs, track } = this.#options
    const silence = clock.after(silentMs, () => this.#refuse(socket, 'the peer said nothing'))
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.once('close', () => clock.clear(silence))
    track(socket)
    this.#silent.give(socket)
    socket.once('data', (chunk) => {
      clock.clear(silence)
      socket.pause()
      socket.unshift(chunk)
      this.#spoke(socket)
    })
  }

  #spoke(socket: Socket): void {
    const member = this.#options.isMember(networkOf(socket.remoteAddress ?? ''))
    this.#silent.takeAway(socket)
    if (!(member ? this.#turns.members : this.#turns.strangers).tryTake(1)) {
      this.#refuse(socket, 'too many handshakes')
      return
    }
    const origin = originOf(socket)
    this.#raw.set(origin, socket)
    socket.once('close', () => this.#raw.delete(origin))
    this.#greeting.give(socket)
    this.#tls.emit('connection', socket)
  }

  #secured(socket: TLSSocket): void {
    const raw = this.#raw.get(originOf(socket))
    if (raw !== undefined) this.#greeting.takeAway(raw)
    this.#options.secured(socket)
  }

  #refuse(socket: Socket, reason: string): void {
    this.#options.refused(reason)
    socket.destroy()
  }
}

/** The same for a socket and for the TLS socket around it. */
function originOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
