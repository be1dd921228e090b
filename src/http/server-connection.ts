import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ByteAccount, Holding, Shortage } from '../core/byte-account.ts'
import { networkOf } from '../core/network-of.ts'
import { BodyReader } from './body-reader.ts'
import { Collector } from './collector.ts'
import { ServerExchange } from './exchange.ts'
import { HeadError, parseRequestHead, type RequestHead } from './head.ts'
import { HeadReader } from './head-reader.ts'
import { isNamed } from './headers.ts'
import { Input } from './input.ts'
import { LeastRate } from './least-rate.ts'
import { Outbox } from './outbox.ts'
import { RawConnection } from './raw-connection.ts'
import { statusLine } from './status.ts'
import { CarrierError, type Exchange, type HttpServerOptions } from './types.ts'
import type { Watch } from './watch.ts'

/** What all connections of one server share. */
export interface ServerShared {
  readonly options: HttpServerOptions
  readonly watch: Watch<ServerConnection>
  readonly onExchange: (exchange: Exchange) => void
  /** Counts what has been refused before it was an exchange; milliseconds for which the client has to wait, or 0. */
  readonly onRefused?: (client: string) => number
  readonly account: ByteAccount
  dateLine: string
  /** Answers say `Connection: close`, unless more requests wait behind them. */
  draining: boolean
  /** They say it in any case: a client may never let its pipeline run empty. */
  hurried?: boolean
  gone(connection: ServerConnection): void
}

const goOn = 'HTTP/1.1 100 Continue\r\n\r\n'
/**
 * A FIN does not tell a client that has gone from one that has only said all it had to say. Bytes do: the one resets
 * the connection, the other skips them, as it must skip every interim answer (RFC 9110 §15.2).
 */
const areYouThere = 'HTTP/1.1 102 Processing\r\n\r\n'
/** How much of a body that nobody wants is read to save the connection. */
const discardable = 65_536
/** How long a closing connection stays half open, so that the client can read the answer before its own writes fail. */
const lingerMs = 2000
/** Held bytes are booked in steps of this size. The first step is free: the number of connections bounds it. */
const bookedStep = 4096

/**
 * One connection of a server: cuts its bytes into requests, one exchange at a time. Everything that may change what
 * happens next ends in `#run`, which reads on until it has to wait for the client or for the answer.
 */
export class ServerConnection {
  /** Whom it belongs to. */
  readonly client: string
  /** False once the connection has to close after the current answer. */
  keep = true
  readonly #shared: ServerShared
  readonly #socket: Socket
  readonly #reader = new BodyReader()
  #exchange: ServerExchange | undefined
  readonly #input = new Input()
  readonly #heads: HeadReader<RequestHead>
  readonly #outbox: Outbox
  readonly #rate: LeastRate
  /** What waits to be parsed, beyond the first step. */
  #waiting: Holding | undefined
  /** What is left of whole answers, beyond the first step. */
  #unread: Holding | undefined
  #running = false
  #reading = true
  #inputEnded = false
  #closing = false
  /** The client waits for `100 Continue` before it sends its body. */
  #awaitsGoOn = false
  /** Nobody wants the rest of the body, but it is short. */
  #discarding = false
  #served = false
  #since: number
  #failure: Error | undefined
  /** Who has taken the connection over after an Upgrade. */
  #raw: RawConnection | undefined

  constructor(shared: ServerShared, socket: Socket) {
    this.#shared = shared
    this.#socket = socket
    this.#outbox = new Outbox(socket)
    this.#heads = new HeadReader(parseRequestHead, shared.options.maxHeadBytes, shared.options.maxTargetBytes)
    this.client = networkOf(socket.remoteAddress ?? '')
    this.#since = shared.watch.now
    const { leastBytesPerSecond, leastRateWindowMs } = shared.options
    this.#rate = new LeastRate(leastBytesPerSecond, leastRateWindowMs, this.#since)
    socket.on('end', this.#onInputEnd)
    socket.on('drain', this.#onDrain)
    socket.on('error', this.#onError)
    socket.on('close', this.#onGone)
  }

  get dateLine(): string {
    return this.#shared.dateLine
  }

  openHolding(): Holding {
    return this.#shared.account.open(this.client)
  }

  /** True when no request is being received or answered. */
  get idle(): boolean {
    const receives = this.#input.waiting || this.#heads.partial
    return this.#exchange === undefined && !receives && !this.#closing && this.#raw === undefined
  }

  /** True once all that we had to say has been sent, our FIN behind it. */
  get closing(): boolean {
    return this.#closing && this.#socket.writableFinished
  }

  /** Takes bytes in. `owned` says that nobody else will overwrite them. */
  feed(bytes: Buffer, length: number, owned: boolean): void {
    if (this.#raw !== undefined) this.#raw.feed(Buffer.from(bytes.subarray(0, length)))
    else {
      this.#input.take(bytes, length, owned)
      this.#run()
    }
  }

  /** Goes on with what waits, soon. */
  wake(): void {
    this.#since = this.#shared.watch.now
    queueMicrotask(() => this.#proceed())
  }

  #proceed(): void {
    if (this.#running || this.#socket.destroyed) return
    this.#input.takeWaiting()
    this.#run()
  }

  #run(): void {
    this.#running = true
    try {
      while (this.#step());
    } catch (error) {
      // A handler that throws leaves its answer in an unknown state.
      this.destroy()
      throw error
    } finally {
      this.#running = false
    }
    const waiting = this.#input.hold()
    if (waiting > bookedStep || this.#waiting !== undefined) this.#bookWaiting(waiting)
    if (this.#raw === undefined) this.#setReading(this.#wantsBytes(waiting))
  }

  /** A head without end, or requests behind one that runs. */
  #bookWaiting(bytes: number): void {
    this.#waiting ??= this.openHolding()
    const more = Math.max(0, bytes - bookedStep) - this.#waiting.bytes
    if (more <= 0) this.#waiting.give(-more)
    else if (!this.#waiting.take(more)) {
      this.#input.clear()
      if (this.#exchange === undefined && !this.#closing) this.#refuseRequest(noRoom(this.#waiting.shortage))
      else this.destroy()
    }
  }

  /** One step forward; false when there is nothing to do but wait. */
  #step(): boolean {
    if (this.#raw !== undefined) return false
    if (this.#closing) {
      this.#input.at = this.#input.end
      return false
    }
    const exchange = this.#exchange
    if (exchange === undefined) return this.#readHead()
    if (exchange.intake !== undefined) return this.#readBody(exchange)
    return this.#discarding && this.#discard()
  }

  /** Reads on only when there is use for the bytes. */
  #wantsBytes(waiting: number): boolean {
    const exchange = this.#exchange
    if (this.#closing) return true
    if (exchange === undefined) return waiting === 0 || !this.#outbox.full
    if (waiting > 0) return false
    return this.#reader.done || this.#discarding || (exchange.intake !== undefined && !exchange.paused)
  }

  #readHead(): boolean {
    // A client that pipelines but does not read would make us pile up answers.
    if (this.#outbox.full) return false
    const began = this.#heads.partial
    try {
      const head = this.#heads.read(this.#input)
      if (head !== undefined) return this.#accept(head)
    } catch (error) {
      if (error instanceof HeadError) return this.#refuseRequest(error)
      throw error
    }
    if (this.#inputEnded) return this.#endOfInput()
    if (this.#heads.partial && !began && this.#served) this.#since = this.#shared.watch.now
    return false
  }

  #endOfInput(): boolean {
    if (this.#heads.partial)
      return this.#refuseRequest(new HeadError(400, 'BAD_REQUEST', 'The request head is incomplete.'))
    this.#close()
    return false
  }

  #accept(head: RequestHead): boolean {
    const fields = head.fields
    this.#served = true
    this.keep = !fields.close && (!head.old || fields.keepAlive)
    if (fields.chunked) this.#reader.startChunked()
    else this.#reader.startLength(Math.max(0, fields.length))
    if (fields.expect !== undefined && !head.old) {
      if (!isNamed(fields.expect, '100-continue')) {
        return this.#refuseRequest(
          new HeadError(417, 'EXPECTATION_FAILED', 'The only known expectation is 100-continue.'),
        )
      }
      this.#awaitsGoOn = !this.#reader.done
    }
    this.#exchange = new ServerExchange(this, head)
    this.#shared.onExchange(this.#exchange)
    return true
  }

  /** Refuses what came, which counts for its client as a request does. */
  #refuseRequest(error: HeadError): boolean {
    const waitMs = this.#shared.onRefused?.(this.client) ?? 0
    return this.#refuse(waitMs > 0 ? tooMany : error)
  }

  /** Answers a request that cannot be understood; nothing after it can be trusted to be a request. */
  #refuse(error: HeadError): boolean {
    const body = JSON.stringify({ error: { code: error.code, message: error.message } })
    this.#socket.write(
      `${statusLine(error.status)}${this.dateLine}Content-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      'latin1',
    )
    this.#close()
    return false
  }

  /** Answers a connection too many, without waiting for its request. */
  turnAway(status: number, code: string, message: string): void {
    this.#refuse(new HeadError(status, code, message))
  }

  wantBody(exchange: ServerExchange): void {
    if (this.#exchange !== exchange) return
    this.#since = this.#shared.watch.now
    this.#rate.restart(this.#since)
    if (this.#awaitsGoOn) {
      this.#awaitsGoOn = false
      if (!this.#input.pending && !this.#isTooLarge(exchange)) this.#socket.write(goOn, 'latin1')
    }
    if (!this.#running) this.wake()
  }

  #readBody(exchange: ServerExchange): boolean {
    const reader = this.#reader
    if (exchange.paused) return false
    if (this.#isTooLarge(exchange)) return this.#failBody('TOO_LARGE', 'The request body is larger than allowed.')
    if (!reader.done) {
      if (this.#input.at === this.#input.end) return this.#inputEnded && this.#cutBody()
      this.#readPiece(exchange)
      if (reader.broken !== undefined) return this.#failBody('MALFORMED', reader.broken)
    }
    if (reader.done && exchange.intake !== undefined) this.#endBody(exchange)
    return true
  }

  #readPiece(exchange: ServerExchange): void {
    const reader = this.#reader
    this.#input.at = reader.read(this.#input.bytes, this.#input.at, this.#input.end)
    this.#since = this.#shared.watch.now
    if (reader.to === reader.from) return
    this.#rate.note(reader.to - reader.from)
    exchange.intake?.onData(this.#input.copy(reader.from, reader.to))
    if (exchange.intake instanceof Collector) this.#bookBody(exchange, exchange.intake.size)
  }

  #bookBody(exchange: ServerExchange, size: number): void {
    if (size <= bookedStep) return
    const { holding } = exchange
    const more = size - bookedStep - holding.bytes
    // A whole step at a time: pieces may be of one byte each.
    if (more > 0 && !holding.take(Math.ceil(more / bookedStep) * bookedStep)) {
      this.#failBody('NO_ROOM', noRoom(holding.shortage).message)
    }
  }

  #isTooLarge(exchange: ServerExchange): boolean {
    const intake = exchange.intake
    return intake instanceof Collector && intake.size + (this.#reader.left ?? 0) > intake.limit
  }

  #endBody(exchange: ServerExchange): void {
    const intake = exchange.intake
    exchange.intake = undefined
    // With the last piece delivered, a size beyond the limit shows here for chunked bodies.
    if (intake instanceof Collector && intake.size > intake.limit) {
      intake.onError(new CarrierError('TOO_LARGE', 'The request body is larger than allowed.', true))
    } else intake?.onEnd()
  }

  #cutBody(): boolean {
    return this.#failBody('CLOSED_EARLY', 'The client closed the connection before its request was complete.')
  }

  /** Ends the intake with an error. The answer can still be sent, but where the next request starts is unknown. */
  #failBody(code: 'TOO_LARGE' | 'NO_ROOM' | 'MALFORMED' | 'CLOSED_EARLY' | 'TIMEOUT', message: string): boolean {
    this.keep = false
    const intake = this.#exchange?.intake
    if (this.#exchange !== undefined) this.#exchange.intake = undefined
    this.#input.at = this.#input.end
    this.#exchange?.giveBack()
    intake?.onError(new CarrierError(code, message, true))
    return false
  }

  #discard(): boolean {
    if (this.#input.at < this.#input.end && !this.#reader.done) {
      this.#input.at = this.#reader.read(this.#input.bytes, this.#input.at, this.#input.end)
    }
    if (!this.#reader.done) {
      if (this.#inputEnded) this.#close()
      return false
    }
    this.#discarding = false
    this.#exchange = undefined
    return true
  }

  /** The Connection line of the answer, which also settles what becomes of the connection. */
  connectionLine(exchange: ServerExchange): string {
    if (this.#isForLeaving() || this.#isLastRequest() || this.#bodyInTheWay()) this.keep = false
    if (!this.keep) return 'Connection: close\r\n'
    return exchange.old ? 'Connection: keep-alive\r\n' : ''
  }

  /** Requests that came behind this one would be lost with the connection. */
  #isForLeaving(): boolean {
    return this.#shared.draining && (!this.#input.pending || this.#shared.hurried === true)
  }

  #isLastRequest(): boolean {
    return this.#inputEnded && !this.#input.pending
  }

  #bodyInTheWay(): boolean {
    if (this.#reader.done) return false
    if (this.#exchange?.intake !== undefined && !this.#awaitsGoOn) return false
    const left = this.#reader.left
    return this.#awaitsGoOn || left === undefined || left > discardable
  }

  write(bytes: Buffer | string): boolean {
    return this.#outbox.write(bytes)
  }

  writeChunk(bytes: Buffer): boolean {
    return this.#outbox.writeChunk(bytes)
  }

  /** Sends a whole answer. */
  send(head: string, body: Buffer | undefined): void {
    const sent = this.#outbox.send(head, body)
    const { unread } = this.#outbox
    if (unread > bookedStep || this.#unread !== undefined) this.#bookUnread(unread)
    if (sent) this.answered()
  }

  /** A whole answer that waits for its reader. It is here already: what is short is short for what comes next. */
  #bookUnread(bytes: number): void {
    this.#unread ??= this.openHolding()
    this.#unread.set(bytes > bookedStep ? bytes : 0)
  }

  /** The exchange's word that its answer is complete. */
  answered(): void {
    this.#since = this.#shared.watch.now
    this.#exchange?.giveBack()
    if (!this.#reader.done || this.#exchange?.intake !== undefined) this.#leaveBody()
    else this.#exchange = undefined
    if (!this.keep) this.#close()
    const calm = !this.#input.waiting && this.#reading && this.keep && !this.#inputEnded && !this.#discarding
    if (!this.#running && !calm) this.#proceed()
  }

  /** The answer is out while the body is still coming: drops the rest when it is short, else gives the connection up. */
  #leaveBody(): void {
    const intake = this.#exchange?.intake
    if (this.#exchange !== undefined) this.#exchange.intake = undefined
    const left = this.#reader.left
    if (left === undefined || left > discardable) this.keep = false
    if (this.keep) this.#discarding = true
    intake?.onError(new CarrierError('ABORTED', 'The answer was complete before the request was.', true))
  }

  /** Sends FIN, then reads and drops what still comes until the client closes too or the linger time is over. */
  #close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#exchange?.giveBack()
    this.#exchange = undefined
    this.#discarding = false
    this.#since = this.#shared.watch.now
    this.#socket.end()
  }

  /** Sends FIN; what arrives from now on is not answered. */
  close(): void {
    this.#close()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /**
   * Cuts the connection while it still belongs to this exchange. Where an orderly end would complete the answer, it is
   * reset.
   */
  cut(exchange: ServerExchange, reset: boolean): void {
    if (this.#exchange !== exchange) return
    if (reset) this.#socket.resetAndDestroy()
    else this.destroy()
  }

  /** Hands the socket over with the bytes that were read past the head. */
  release(): { socket: Duplex; head: Buffer } {
    if (!this.#running) this.#input.takeWaiting()
    const input = this.#input
    const head = Buffer.from(input.bytes.subarray(input.at, input.end))
    input.clear()
    this.#exchange?.giveBack()
    this.#waiting?.release()
    this.#unread?.release()
    this.#exchange = undefined
    const socket = new RawConnection(this.#socket, (flowing) => this.#setReading(flowing))
    // An upgraded connection that breaks before its new owner listens must not take the program down.
    socket.on('error', () => {})
    this.#raw = socket
    return { socket, head }
  }

  #setReading(reading: boolean): void {
    if (reading === this.#reading) return
    this.#reading = reading
    if (reading) this.#socket.resume()
    else this.#socket.pause()
  }

  /** Enforces the deadlines. */
  check(now: number): void {
    if (this.#raw !== undefined) return
    const { watch, options } = this.#shared
    if (this.#unread !== undefined) this.#bookUnread(this.#outbox.unread)
    if (this.#outbox.isStuck(now, options.writeTimeoutMs)) this.destroy()
    else if (this.#closing) {
      if (!this.#socket.writableFinished) this.#since = watch.now
      else if (watch.past(this.#since, lingerMs)) this.destroy()
    } else if (this.#exchange === undefined) this.#checkHead(watch, options)
    else if (this.#awaitsBody()) {
      const tooSlow = this.#rate.isBroken(now, true, 2 * watch.intervalMs)
      if (tooSlow || watch.past(this.#since, options.bodyTimeoutMs)) this.#bodyTimeout()
    } else if (this.#mayHaveGone(this.#exchange)) this.#outbox.write(areYouThere)
  }

  #mayHaveGone(exchange: ServerExchange): boolean {
    return this.#inputEnded && exchange.silent && !exchange.old && this.#shared.watch.past(this.#since, 0)
  }

  #checkHead(watch: Watch<ServerConnection>, options: HttpServerOptions): void {
    if (!this.#input.waiting && this.#served) {
      if (watch.past(this.#since, options.keepAliveMs)) this.#close()
    } else if (watch.past(this.#since, options.headTimeoutMs)) {
      if (!this.#input.waiting) this.destroy()
      else this.#refuseRequest(new HeadError(408, 'REQUEST_TIMEOUT', 'The request head took too long to arrive.'))
    }
  }

  #awaitsBody(): boolean {
    const exchange = this.#exchange
    return this.#discarding || (exchange?.intake !== undefined && !exchange.paused && !this.#reader.done)
  }

  #bodyTimeout(): void {
    if (this.#discarding) this.destroy()
    else this.#failBody('TIMEOUT', 'The request body came too slowly, or stopped coming.')
  }

  #onInputEnd = (): void => {
    this.#inputEnded = true
    this.#since = this.#shared.watch.now
    if (this.#raw === undefined) this.#proceed()
    else this.#raw.feed(null)
  }

  #onDrain = (): void => {
    if (this.#raw !== undefined) return
    const completed = this.#outbox.drained()
    if (this.#unread !== undefined) this.#bookUnread(this.#outbox.unread)
    if (completed) this.answered()
    else if (this.#exchange?.unanswered) this.#exchange.onDrain?.()
    else this.#proceed()
  }

  #onError = (error: Error): void => {
    this.#failure = error
  }

  #onGone = (): void => {
    this.#shared.gone(this)
    this.#waiting?.release()
    this.#unread?.release()
    this.#raw?.lose(this.#failure)
    const exchange = this.#exchange
    this.#exchange = undefined
    this.#input.clear()
    this.#outbox.clear()
    if (exchange === undefined) return
    const code = this.#failure === undefined ? 'CLOSED_EARLY' : 'RESET'
    exchange.lose(new CarrierError(code, 'The client closed the connection.', true, this.#failure))
  }
}

function noRoom(shortage: Shortage | undefined): HeadError {
  if (shortage === 'client') return new HeadError(429, 'TOO_MUCH_HELD', 'Too much is held for this address; try again.')
  return new HeadError(503, 'NO_ROOM', 'This server holds as much as it may; try again.')
}

const tooMany = new HeadError(
  429,
  'LIMITED',
  'Too many requests, and this one could not be understood; try again later.',
)
