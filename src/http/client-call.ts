import { InvariantError } from '../core/errors.ts'
import { isAll, TARGET, TOKEN } from './characters.ts'
import type { ClientConnection, Pool } from './client-connection.ts'
import { FieldLines } from './headers.ts'
import type { BodySource, CarrierError, OutgoingCall, OutgoingRequest, ResponseReceiver } from './types.ts'

/** One request on its way through a client: waiting, on a connection, or over. */
export class ClientCall implements OutgoingCall {
  readonly receiver: ResponseReceiver
  /** The request head as it goes over the wire. */
  readonly head: string
  readonly body: Buffer | undefined
  readonly source: BodySource | undefined
  /** True for an answer that has no body, whatever its headers say. */
  readonly bodiless: boolean
  /** No callbacks any more. */
  over = false
  paused = false
  connection: ClientConnection | undefined
  /** The connection that brought the answer, also when it is over. */
  carriedBy: ClientConnection | undefined
  /** May be sent once more. */
  redo: boolean
  readonly #pool: Pool

  constructor(request: OutgoingRequest, receiver: ResponseReceiver, pool: Pool) {
    this.receiver = receiver
    this.#pool = pool
    const { body } = request
    this.body = Buffer.isBuffer(body) ? body : undefined
    this.source = Buffer.isBuffer(body) ? undefined : body
    this.bodiless = request.method === 'HEAD'
    this.redo = request.redo && this.source === undefined
    this.head = requestHead(request, pool.hostLine)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.connection?.wake()
  }

  abort(): void {
    if (this.over) return
    this.over = true
    if (this.connection === undefined) this.#pool.abandoned()
    else this.connection.giveUp()
  }

  apart(): void {
    if (!this.over && this.connection !== undefined) this.#pool.setApart(this.connection)
  }

  retire(): void {
    this.carriedBy?.destroy()
  }

  fail(error: CarrierError): void {
    if (this.over) return
    this.over = true
    this.receiver.onError(error)
  }
}

/** @throws DrawbridgeError `BAD_HEADER`; InvariantError for a method or target that would break the request line. */
function requestHead(request: OutgoingRequest, hostLine: string): string {
  const { method, target, headers } = request
  return `${requestLine(method, target)}${hostLine}${fieldLines.of(headers)}${framingLine(request)}\r\n`
}

const fieldLines = new FieldLines('host')

let lastMethod = ''
let lastTarget = ''
let lastLine = ''

/** Most requests share one line; the last one is remembered, so that it is checked once. */
function requestLine(method: string, target: string): string {
  if (method === lastMethod && target === lastTarget) return lastLine
  if (method === '' || !isAll(TOKEN, method)) throw new InvariantError('A request method is not a token.')
  if (target === '' || !isAll(TARGET, target)) throw new InvariantError('A request target holds forbidden characters.')
  lastMethod = method
  lastTarget = target
  lastLine = `${method} ${target} HTTP/1.1\r\n`
  return lastLine
}

function framingLine({ method, body }: OutgoingRequest): string {
  if (body === undefined) return method === 'GET' || method === 'HEAD' ? '' : 'Content-Length: 0\r\n'
  return body.length === undefined ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${body.length}\r\n`
}
