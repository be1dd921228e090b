import type { Duplex } from 'node:stream'
import type { Holding } from '../core/byte-account.ts'
import { DrawbridgeError } from '../core/errors.ts'

/** Header fields as they came over the wire: name, value, name, value …; repeated names stay repeated. */
export type RawHeaders = readonly string[]

/** How the carrying of bytes failed. Nothing here judges what the bytes say. */
export type CarrierErrorCode =
  | 'CONNECT_REFUSED'
  | 'CONNECT_TIMEOUT'
  | 'CONNECT_FAILED'
  | 'TLS_FAILED'
  | 'RESET'
  | 'CLOSED_EARLY'
  | 'TIMEOUT'
  | 'MALFORMED'
  | 'TOO_LARGE'
  | 'NO_ROOM'
  | 'ABORTED'

/** A failure below the level of an HTTP answer. */
export class CarrierError extends DrawbridgeError {
  override readonly code: CarrierErrorCode
  /** False while it is certain that the peer cannot have seen the whole request, so that repeating is always safe. */
  readonly sent: boolean

  constructor(code: CarrierErrorCode, message: string, sent: boolean, cause?: unknown) {
    super(code, message, { cause })
    this.code = code
    this.sent = sent
  }
}

/** Receives a streamed body: chunks, then exactly one of end and error. */
export interface BodyReceiver {
  onData(chunk: Buffer): void
  onEnd(): void
  onError(error: CarrierError): void
}

/** Slows or resumes whoever sends a streamed body. */
export interface Flow {
  pause(): void
  resume(): void
}

/** One request at our front door, with its answer. Exactly one of `respond` and `start … end` ends it. */
export interface Exchange {
  readonly method: string
  /** Path and query exactly as the client wrote them. */
  readonly target: string
  readonly headers: RawHeaders
  /** Whom it comes from: an IPv4 address, or the first 64 bits of an IPv6 one. What clients share is shared by these. */
  readonly client: string
  /** The first value of a header, by lower-case name. */
  header(name: string): string | undefined
  /**
   * What is held for this exchange, on the account of all that is held; given back when it is over, in whatever way. The
   * body that is collected is booked already.
   */
  readonly holding: Holding
  /**
   * Collects the body. Over `limit` bytes: `TOO_LARGE`, without room on the account: `NO_ROOM`; the connection closes
   * after the answer.
   */
  body(limit: number, done: (error: CarrierError | undefined, body: Buffer) => void): void
  /** Hands over the body as it arrives. */
  stream(receiver: BodyReceiver): Flow
  /** The whole answer at once. Content-Length, Date and Connection are added here. */
  respond(status: number, headers: RawHeaders, body: Buffer | string): void
  /** Begins a streamed answer; chunked unless the headers hold a Content-Length. */
  start(status: number, headers: RawHeaders): void
  /** False asks the writer to wait for `onDrain`. */
  write(chunk: Buffer): boolean
  end(): void
  /** Cuts the connection, so that the client cannot take a broken answer for a whole one. */
  destroy(): void
  /** Called when the client can take more. */
  onDrain: (() => void) | undefined
  /** Called once when the client went away before its answer was complete. */
  onClose: (() => void) | undefined
  /** For a request with `Upgrade`: takes the raw connection over, with what was read past the head. */
  takeOver(): { socket: Duplex; head: Buffer }
}

export interface HttpServerOptions {
  /** Longest wait for a complete request head. */
  readonly headTimeoutMs: number
  /** Longest silence while a body is being received. */
  readonly bodyTimeoutMs: number
  /** Longest time a client may leave our answer unread. */
  readonly writeTimeoutMs: number
  /** Idle time after which a kept-alive connection closes. */
  readonly keepAliveMs: number
  readonly maxHeadBytes: number
  /** Longest request line; the other lines of the head share `maxHeadBytes`. */
  readonly maxTargetBytes: number
  readonly maxConnections: number
  /** Connections of one address. */
  readonly maxConnectionsPerClient: number
  /** Bytes that are held for clients, all together; a quarter of them for one. */
  readonly maxHeldBytes: number
  /** A body that comes more slowly than this, over a window, is given up. 0 takes any rate. */
  readonly leastBytesPerSecond: number
  readonly leastRateWindowMs: number
}

export interface HttpServer {
  /** Resolves with the bound address; rejects when the port is taken. */
  listen(host: string, port: number): Promise<{ host: string; port: number }>
  readonly connections: number
  /**
   * From now on every answer says `Connection: close`, and connections that stay quiet are closed; new ones are still
   * taken. Resolves when those that were open are gone, or in time for {@link drain} to be called within `limitMs`.
   */
  takeLeave(limitMs: number): Promise<void>
  /**
   * Stops accepting, closes connections that stay quiet, answers what is in flight with `Connection: close`; resolves
   * when all are gone, or after `limitMs`.
   */
  drain(limitMs?: number): Promise<void>
  /** Cuts everything now. */
  destroy(): void
}

export interface HttpClientOptions {
  /** Where to connect: scheme, host and port are used, the path is not. */
  readonly origin: URL
  readonly connectTimeoutMs: number
  /** Idle time after which a kept-alive connection is closed by us. */
  readonly keepAliveMs: number
  readonly maxConnections: number
}

export interface OutgoingRequest {
  readonly method: string
  /** Path and query, sent as they are. */
  readonly target: string
  /** Sent as they are; Host, Content-Length or Transfer-Encoding are added here. */
  readonly headers: RawHeaders
  /** A buffer is sent with its length; a source is streamed (chunked unless `length` is given); undefined sends no body. */
  readonly body: Buffer | BodySource | undefined
  /**
   * True when the request may reach the upstream twice. A kept-alive connection can close at the moment it is reused; such
   * a request is then sent once more, on a fresh connection. A streamed body is never sent twice.
   */
  readonly redo: boolean
}

/** A body that is produced while it is sent. */
export interface BodySource {
  readonly length: number | undefined
  /** Starts the flow into the receiver. */
  open(receiver: BodyReceiver): Flow
}

export interface ResponseReceiver extends BodyReceiver {
  onHead(status: number, headers: RawHeaders): void
  /** The request is sent once more: its connection, which had just been in use, died under it. */
  onResent?(): void
}

export interface OutgoingCall extends Flow {
  /** Gives the call up: no more callbacks; its connection is closed unless the answer was complete. */
  abort(): void
  /** What it answered cannot be trusted: its connection carries nothing more. */
  retire(): void
  /** Its answer flows at somebody's pace from now on: its connection does not count among `maxConnections`. */
  apart(): void
}

/** Kept-alive connections to one origin. */
export interface HttpClient {
  /**
   * Sends a request, at once or in its turn. Callbacks come after the return only.
   *
   * @throws DrawbridgeError `BAD_HEADER` for a header that would break out of its line; InvariantError for such a method
   * or target.
   */
  send(request: OutgoingRequest, receiver: ResponseReceiver): OutgoingCall
  readonly connections: number
  /** Takes no new calls and resolves when the running ones are done. */
  close(): Promise<void>
  destroy(): void
}
