import type { Duplex } from 'node:stream'
import type { Holding } from '../core/byte-account.ts'
import { InvariantError } from '../core/errors.ts'
import { lastChunk } from './chunk.ts'
import { Collector } from './collector.ts'
import type { RequestHead } from './head.ts'
import { FieldLines, headerValue } from './headers.ts'
import type { ServerConnection } from './server-connection.ts'
import { neverHasBody, statusLine } from './status.ts'
import { type BodyReceiver, CarrierError, type Exchange, type Flow, type RawHeaders } from './types.ts'

const fieldLines = new FieldLines('')

/** The answer's way: nothing sent, head sent, complete, or never to be completed because the connection is gone. */
type Phase = 'waiting' | 'streaming' | 'over' | 'gone'

/** How a streamed answer's body is framed. */
type Framing = 'none' | 'length' | 'chunked' | 'connection'

/** One request on a {@link ServerConnection} and its answer. */
export class ServerExchange implements Exchange, Flow {
  readonly method: string
  readonly target: string
  readonly headers: RawHeaders
  /** True for a request in HTTP/1.0. */
  readonly old: boolean
  onDrain: (() => void) | undefined = undefined
  onClose: (() => void) | undefined = undefined
  /** Who gets the request body; undefined before it is asked for and after its end. */
  intake: BodyReceiver | undefined
  paused = false
  readonly #connection: ServerConnection
  #asked = false
  #phase: Phase = 'waiting'
  #framing: Framing = 'none'
  #owed = 0
  #holding: Holding | undefined

  constructor(connection: ServerConnection, head: RequestHead) {
    this.#connection = connection
    this.method = head.method
    this.target = head.target
    this.headers = head.fields.raw
    this.old = head.old
  }

  get client(): string {
    return this.#connection.client
  }

  get holding(): Holding {
    this.#holding ??= this.#connection.openHolding()
    return this.#holding
  }

  /** Nothing is held any more for this exchange. */
  giveBack(): void {
    this.#holding?.release()
  }

  /** True until the answer begins. */
  get silent(): boolean {
    return this.#phase === 'waiting'
  }

  /** True while an answer is owed. */
  get unanswered(): boolean {
    return this.#phase === 'waiting' || this.#phase === 'streaming'
  }

  header(name: string): string | undefined {
    return headerValue(this.headers, name)
  }

  body(limit: number, done: (error: CarrierError | undefined, body: Buffer) => void): void {
    this.#take(new Collector(limit, done))
  }

  stream(receiver: BodyReceiver): Flow {
    this.#take(receiver)
    return this
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.#connection.wake()
  }

  #take(intake: BodyReceiver): void {
    if (this.#asked) throw new InvariantError('A request body was asked for twice.')
    this.#asked = true
    if (!this.unanswered) {
      queueMicrotask(() => intake.onError(new CarrierError('ABORTED', 'The exchange is over.', true)))
      return
    }
    this.intake = intake
    this.#connection.wantBody(this)
  }

  respond(status: number, headers: RawHeaders, body: Buffer | string): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    if (!this.#mayBegin()) return
    const bare = this.method === 'HEAD' || neverHasBody(status)
    const text = this.#head(status, headers, this.#lengthLine(status, headers, bytes.length))
    this.#phase = 'over'
    this.#connection.send(text, bare ? undefined : bytes)
  }

  /** For an answer without a body, a declared length is the length the body would have had. */
  #lengthLine(status: number, headers: RawHeaders, length: number): string {
    if (neverHasBody(status)) return ''
    const declared = this.method === 'HEAD' && length === 0 ? declaredLength(headers) : undefined
    return `Content-Length: ${declared ?? length}\r\n`
  }

  start(status: number, headers: RawHeaders): void {
    if (!this.#mayBegin()) return
    const declared = declaredLength(headers)
    this.#owed = declared ?? 0
    this.#framing = this.#framingOf(status, declared)
    if (this.#framing === 'connection') this.#connection.keep = false
    const text = this.#head(status, headers, this.#framingLine(status, declared))
    this.#phase = 'streaming'
    this.#connection.write(text)
  }

  #framingOf(status: number, declared: number | undefined): Framing {
    if (this.method === 'HEAD' || neverHasBody(status)) return 'none'
    if (declared !== undefined) return 'length'
    return this.old ? 'connection' : 'chunked'
  }

  #framingLine(status: number, declared: number | undefined): string {
    if (neverHasBody(status)) return ''
    if (declared !== undefined) return `Content-Length: ${declared}\r\n`
    return this.#framing === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : ''
  }

  /** Whether an answer can begin; false when nobody is there to read it. */
  #mayBegin(): boolean {
    if (this.#phase === 'gone') return false
    if (this.#phase !== 'waiting') throw new InvariantError('An exchange was answered twice.', { phase: this.#phase })
    return true
  }

  #head(status: number, headers: RawHeaders, framing: string): string {
    if (!(status >= 200 && status <= 999)) throw new InvariantError('Not a final HTTP status.', { status })
    const connection = this.#connection
    const lines = fieldLines.of(headers)
    const date = fieldLines.dated ? '' : connection.dateLine
    return `${statusLine(status)}${lines}${date}${connection.connectionLine(this)}${framing}\r\n`
  }

  write(chunk: Buffer): boolean {
    if (this.#phase === 'gone') return true
    if (this.#phase !== 'streaming') throw new InvariantError('A body was written outside an answer.')
    if (this.#framing === 'none' || chunk.length === 0) return true
    if (this.#framing === 'chunked') return this.#connection.writeChunk(chunk)
    if (this.#framing === 'length') this.#pay(chunk.length)
    return this.#connection.write(chunk)
  }

  #pay(length: number): void {
    if (length > this.#owed) throw new InvariantError('An answer is longer than its Content-Length.')
    this.#owed -= length
  }

  end(): void {
    if (this.#phase === 'gone') return
    if (this.#phase !== 'streaming') throw new InvariantError('An answer was ended that was not open.')
    if (this.#framing === 'length' && this.#owed > 0) {
      this.destroy()
      return
    }
    this.#phase = 'over'
    if (this.#framing === 'chunked') this.#connection.write(lastChunk)
    this.#connection.answered()
  }

  destroy(): void {
    this.#phase = 'gone'
    this.#connection.cut(this, this.#framing === 'connection')
  }

  takeOver(): { socket: Duplex; head: Buffer } {
    if (!this.#mayBegin()) throw new InvariantError('The connection to take over is gone.')
    this.#phase = 'over'
    return this.#connection.release()
  }

  /** The connection's word that it is gone. */
  lose(error: CarrierError): void {
    const owed = this.unanswered
    this.#phase = 'gone'
    this.giveBack()
    const intake = this.intake
    this.intake = undefined
    intake?.onError(error)
    if (owed) this.onClose?.()
  }
}

/** The Content-Length among headers of ours. */
function declaredLength(headers: RawHeaders): number | undefined {
  const text = headerValue(headers, 'content-length')
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new InvariantError('An answer has a malformed Content-Length.')
  return Number(text)
}
