import type { KeyObject } from 'node:crypto'
import { isIP, type Server, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { Clock } from '../../core/clock.ts'
import { DrawbridgeError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { networkOf } from '../../core/network-of.ts'
import type { Random } from '../../core/random.ts'
import { maxFrameBytes } from '../block-limits.ts'
import type { LinkHandlers, PeerLink, PeerNetwork } from '../seams.ts'
import { Admission } from './admission.ts'
import { selfSignedCertificate } from './certificate.ts'
import { Handshake, type HandshakeRules, type RefusalCounts, type RefusalKind } from './handshake.ts'
import { type LinkLimits, SocketLink } from './socket-link.ts'

/** Who a peer is and where it listens. */
export interface PeerAddress {
  readonly host: string
  readonly port: number
  /** 32 bytes: the ed25519 key of its TLS certificate. */
  readonly networkKey: Uint8Array
}

/** What a network of TLS links is made of. */
export interface TlsNetworkOptions {
  /** All authorities in the order of the committee, this one included. */
  readonly peers: readonly PeerAddress[]
  readonly own: number
  /** This authority's ed25519 network key. */
  readonly networkKey: KeyObject
  /** Said in the first frame; a peer that says something else is refused. */
  readonly epoch: number
  /** 32 bytes that name the committee: a peer of another one is refused even when it shares a key with ours. */
  readonly committeeDigest: Uint8Array
  readonly listen: { readonly host: string; readonly port: number }
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly limits?: Partial<LinkLimits> | undefined
  /** Time for TCP, TLS and the first frame together; 5,000 when absent. */
  readonly handshakeMs?: number | undefined
  /** Places for sockets that have not said anything, and for those in the handshake of TLS. */
  readonly places?: { readonly silent: number; readonly tls: number } | undefined
}

const defaultLimits: LinkLimits = {
  maxFrameBytes,
  maxQueuedBytes: 8 * 1024 * 1024,
  maxQueuedFrames: 1_024,
  idleMs: 8_000,
}

const defaultPlaces = { silent: 1_024, tls: 256 }
/** A member's first bytes follow the opening of its connection at once. */
const silentMs = 1_500
/** Networks remembered for each member: it may move, but not for ever. */
const networksPerMember = 4

/**
 * Links over TLS 1.3 with certificates on both sides. A certificate is made from the network key at the start; the
 * peer's must carry the committee's key for that authority, checked before any frame is read. Then both sides say
 * hello (version, epoch, committee, authority) and only then is the link open.
 */
export class TlsNetwork implements PeerNetwork {
  /** Connections refused so far. */
  readonly refusals: RefusalCounts = { stranger: 0, wrongKey: 0, wrongEpoch: 0, handshake: 0 }
  readonly #options: TlsNetworkOptions
  readonly #limits: LinkLimits
  readonly #rules: HandshakeRules
  readonly #tls: { key: string; cert: string }
  readonly #byKey = new Map<string, number>()
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  /** Where members listen and have been seen, as far as these are addresses. */
  readonly #memberNetworks = new Set<string>()
  #closed = false

  constructor(options: TlsNetworkOptions) {
    const { own, epoch, committeeDigest, networkKey } = options
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#tls = {
      key: networkKey.export({ format: 'pem', type: 'pkcs8' }) as string,
      cert: selfSignedCertificate(networkKey, `drawbridge authority ${own}`),
    }
    options.peers.forEach((peer, index) => {
      if (index !== own) this.#byKey.set(hex(peer.networkKey), index)
      if (isIP(peer.host) !== 0) this.#memberNetworks.add(networkOf(peer.host))
    })
    this.#rules = {
      hello: { epoch, committeeDigest, authority: own },
      authorityOf: (key) => this.#byKey.get(hex(key)),
      clock: options.clock,
      timeoutMs: options.handshakeMs ?? 5_000,
      maxFrameBytes: this.#limits.maxFrameBytes,
    }
  }

  /** The port that is listened on, once `ready` was called. */
  get port(): number {
    const address = this.#server?.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  listen(accept: (link: PeerLink) => LinkHandlers, ready: (error?: Error) => void): void {
    const { host, port } = this.#options.listen
    const { server } = this.#admission((socket) => this.#introduce(socket, undefined, accept, () => {}))
    this.#server = server
    server.once('error', (cause) => ready(cannotListen(host, port, cause)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      server.on('error', (error) => this.#options.log.warn({ error: messageOf(error) }, 'accepting a link failed'))
      ready()
    })
  }

  connect(peer: number, opened: (link: PeerLink) => LinkHandlers, failed: (reason: string) => void): void {
    const address = this.#options.peers[peer]
    if (address === undefined || this.#closed) {
      this.#options.clock.after(0, () => failed('the network is closed'))
      return
    }
    const { host, port } = address
    const socket = connect({ ...this.#tlsOptions(), host, port, checkServerIdentity: () => undefined })
    socket.setNoDelay(true)
    this.#introduce(socket, peer, opened, failed)
  }

  close(done: () => void): void {
    this.#closed = true
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server?.listening) this.#server.close(() => done())
    else done()
  }

  #tlsOptions() {
    return {
      ...this.#tls,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      // Node's own check wants a chain to a known authority. The handshake asks for the committee's key instead.
      rejectUnauthorized: false,
      handshakeTimeout: this.#rules.timeoutMs,
    } as const
  }

  #admission(secured: (socket: TLSSocket) => void): Admission {
    const { clock, random, places = defaultPlaces } = this.#options
    return new Admission({
      tls: { ...this.#tlsOptions(), requestCert: true },
      clock,
      random,
      isMember: (network) => this.#memberNetworks.has(network),
      silentMs: Math.min(silentMs, this.#rules.timeoutMs),
      silentPlaces: places.silent,
      tlsPlaces: places.tls,
      track: (socket) => this.#track(socket),
      secured,
      refused: (reason) => this.#count('handshake', reason),
    })
  }

  #introduce(
    socket: TLSSocket,
    expected: number | undefined,
    opened: (link: PeerLink) => LinkHandlers,
    failed: (reason: string) => void,
  ): void {
    this.#track(socket)
    new Handshake(socket, this.#rules, expected, {
      opened: (peer, reader) => {
        this.#remember(socket.remoteAddress)
        const link = new SocketLink(peer, socket, reader, this.#options.clock, this.#limits)
        link.attach(opened(link))
      },
      refused: (reason, kind) => {
        this.#count(kind, reason)
        failed(reason)
      },
    })
  }

  #remember(address: string | undefined): void {
    if (this.#memberNetworks.size >= networksPerMember * this.#options.peers.length) return
    if (address !== undefined) this.#memberNetworks.add(networkOf(address))
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #count(kind: RefusalKind | undefined, reason: string): void {
    if (kind !== undefined) this.refusals[kind]++
    this.#options.log.debug({ reason }, 'a link was refused')
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

function cannotListen(host: string, port: number, cause: Error): DrawbridgeError {
  return new DrawbridgeError('PEER_LISTEN_FAILED', `Cannot listen for peers on ${host}:${port}.`, {
    nextStep: 'Another process may hold the port, perhaps this validator itself: two must never run with one key.',
    cause,
  })
}
