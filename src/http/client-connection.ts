import type { Socket } from 'node:net'
import { BodyReader } from './body-reader.ts'
import { BodySender } from './body-sender.ts'
import { join } from './chunk.ts'
import type { ClientCall } from './client-call.ts'
import { type Dialled, dialError, type Take } from './dial.ts'
import { type Fields, HeadError, parseResponseHead, type ResponseHead } from './head.ts'
import { HeadReader } from './head-reader.ts'
import { Input } from './input.ts'
import { neverHasBody } from './status.ts'
import { CarrierError, type CarrierErrorCode, type HttpClientOptions } from './types.ts'
import type { Watch } from './watch.ts'

/** What the connections of one client share. */
export interface Pool {
  readonly options: HttpClientOptions
  readonly watch: Watch<ClientConnection>
  readonly hostLine: string
  /** The connection can carry another call. */
  release(connection: ClientConnection): void
  /** The connection will carry none any more. May be said twice. */
  gone(connection: ClientConnection): void
  /** The connection's answer flows at somebody's pace: it does not count among `maxConnections`. */
  setApart(connection: ClientConnection): void
  /** Sends a call again, on a fresh connection. */
  again(call: ClientCall): void
  /** A call that was waiting in line was given up. */
  abandoned(): void
}

const maxHeadBytes = 65_536
/** Up to here head and body are copied into one buffer; above, two buffers go out in one system call. */
const joined = 32_768
/** Nobody closes a connection for idleness that rested no longer than this, in milliseconds. */
const briefRestMs = 750

/** One connection to an origin: carries one call at a time. */
export class ClientConnection {
  readonly #pool: Pool
  readonly #socket: Socket
  readonly #reader = new BodyReader()
  #call: ClientCall | undefined
  /** Connected, and past the TLS handshake. */
  #ready = false
  #tcpDone = false
  #calls = 0
  /** A byte of the answer has come. */
  #heard = false
  #headSeen = false
  #keep = true
  #keepMs: number
  #sender: BodySender | undefined
  readonly #input = new Input()
  readonly #heads = new HeadReader(parseResponseHead, maxHeadBytes)
  #running = false
  #reading = true
  #inputEnded = false
  #gone = false
  #since: number
  #failure: Error | undefined

  constructor(pool: Pool, call: ClientCall, dial: (take: Take) => Dialled) {
    this.#pool = pool
    this.#call = call
    call.connection = this
    this.#keepMs = pool.options.keepAliveMs
    this.#since = pool.watch.now
    const { socket, readyEvent } = dial((bytes, length, owned) => this.#feed(bytes, length, owned))
    this.#socket = socket
    socket.once('connect', () => {
      this.#tcpDone = true
    })
    socket.once(readyEvent, () => this.#onReady())
    socket.on('end', () => this.#onInputEnd())
    socket.on('drain', () => this.#sender?.drained())
    socket.on('error', (error) => {
      this.#failure = error
    })
    socket.on('close', () => this.#onClose())
  }

  #onReady(): void {
    this.#ready = true
    const call = this.#call
    this.#call = undefined
    if (call === undefined) this.#rest()
    else this.carry(call)
  }

  /** Sends a call. */
  carry(call: ClientCall): void {
    this.#call = call
    call.connection = call.carriedBy = this
    this.#calls++
    this.#heard = this.#headSeen = false
    const { body, source, head } = call
    if (source !== undefined) this.#sendSource(call)
    else if (body === undefined || body.length === 0) this.#socket.write(head, 'latin1')
    else if (body.length <= joined) this.#socket.write(join(head, body))
    else this.#sendParts(head, body)
  }

  #sendParts(head: string, body: Buffer): void {
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    this.#socket.write(body)
    this.#socket.uncork()
  }

  #sendSource(call: ClientCall): void {
    this.#socket.write(call.head, 'latin1')
    const broken = (error: CarrierError): void => {
      // The source may break while it is opened, before the sender of the call has got it back.
      queueMicrotask(() => this.#call === call && this.fail(error))
    }
    this.#sender = new BodySender(this.#socket, broken)
    if (call.source !== undefined) this.#sender.open(call.source)
  }

  #feed(bytes: Buffer, length: number, owned: boolean): void {
    this.#heard = true
    this.#input.take(bytes, length, owned)
    this.#run()
  }

  /** Goes on with what waits, soon. */
  wake(): void {
    queueMicrotask(() => this.#proceed())
  }

  #proceed(): void {
    if (this.#running || this.#gone) return
    this.#input.takeWaiting()
    this.#run()
  }

  #run(): void {
    this.#running = true
    try {
      while (this.#step());
    } catch (error) {
      // A receiver that throws leaves the rest of the answer unread.
      this.destroy()
      throw error
    } finally {
      this.#running = false
    }
    if (!this.#gone) this.#hold()
  }

  /** One step forward; false when there is nothing to do but wait. */
  #step(): boolean {
    const call = this.#call
    if (this.#gone) return false
    if (call === undefined) {
      // Bytes without a question cannot be trusted to answer the next one.
      if (this.#input.at < this.#input.end || this.#inputEnded) this.destroy()
      return false
    }
    return this.#headSeen ? this.#readBody(call) : this.#readHead(call)
  }

  #hold(): void {
    this.#input.hold()
    const reading = this.#call === undefined || !this.#call.paused
    if (reading === this.#reading) return
    this.#reading = reading
    if (reading) this.#socket.resume()
    else this.#socket.pause()
  }

  #readHead(call: ClientCall): boolean {
    let head: ResponseHead | undefined
    try {
      head = this.#heads.read(this.#input)
    } catch (error) {
      if (!(error instanceof HeadError)) throw error
      const code = error.status === 431 ? 'TOO_LARGE' : 'MALFORMED'
      return this.#abandon(code, `The answer cannot be understood: ${error.message}`)
    }
    if (head !== undefined) return this.#begin(call, head)
    return this.#inputEnded && this.#closedEarly()
  }

  #begin(call: ClientCall, head: ResponseHead): boolean {
    const { status, fields } = head
    if (status === 101) return this.#abandon('MALFORMED', 'The answer switches protocols unasked.')
    // Interim answers (RFC 9110 §15.2) come before the one that counts.
    if (status < 200) return true
    this.#headSeen = true
    this.#startBody(call, status, fields)
    this.#keep = !fields.close && (!head.old || fields.keepAlive) && !this.#reader.endsWithConnection
    this.#keepMs = keepMs(fields.keepAliveSeconds, this.#pool.options.keepAliveMs)
    call.receiver.onHead(status, fields.raw)
    return true
  }

  #startBody(call: ClientCall, status: number, fields: Fields): void {
    if (call.bodiless || neverHasBody(status)) this.#reader.startLength(0)
    else if (fields.chunked) this.#reader.startChunked()
    else if (fields.length >= 0) this.#reader.startLength(fields.length)
    else this.#reader.startUntilClose()
  }

  #readBody(call: ClientCall): boolean {
    const reader = this.#reader
    if (reader.done) return this.#complete(call)
    if (call.paused) return false
    if (this.#input.at === this.#input.end) {
      if (!this.#inputEnded) return false
      return reader.endsWithConnection ? this.#complete(call) : this.#closedEarly()
    }
    this.#input.at = reader.read(this.#input.bytes, this.#input.at, this.#input.end)
    if (reader.to > reader.from) call.receiver.onData(this.#input.copy(reader.from, reader.to))
    if (reader.broken !== undefined) return this.#abandon('MALFORMED', `The answer breaks off: ${reader.broken}`)
    return true
  }

  #complete(call: ClientCall): boolean {
    this.#call = undefined
    call.connection = undefined
    call.over = true
    const sent = this.#sender?.sending !== true && this.#socket.writableLength === 0
    this.#sender?.stop()
    this.#sender = undefined
    if (this.#keep && sent && this.#input.at === this.#input.end && !this.#inputEnded && this.#keepMs > 0) this.#rest()
    else this.destroy()
    call.receiver.onEnd()
    return true
  }

  #rest(): void {
    this.#since = this.#pool.watch.now
    this.#pool.release(this)
  }

  #closedEarly(): boolean {
    if (this.#isStale()) this.destroy()
    else this.#abandon('CLOSED_EARLY', 'The upstream closed the connection before its answer was complete.')
    return false
  }

  /** Whether the connection died while it was idle, and the call can be sent again. */
  #isStale(): boolean {
    return this.#calls > 1 && !this.#heard && this.#call?.redo === true
  }

  #abandon(code: CarrierErrorCode, message: string): boolean {
    this.fail(new CarrierError(code, message, true))
    return false
  }

  /** Ends the call with an error, and the connection with it. */
  fail(error: CarrierError): void {
    const call = this.#call
    this.#call = undefined
    this.destroy()
    call?.fail(error)
  }

  /** The call is not wanted any more. A connection that is still being made will serve another one. */
  giveUp(): void {
    this.#call = undefined
    if (this.#ready) this.destroy()
  }

  /** Cuts the connection; a call on it fails, or is sent again where the connection was stale. */
  destroy(): void {
    this.#leave()
    this.#socket.destroy()
  }

  #leave(): void {
    if (this.#gone) return
    this.#gone = true
    this.#sender?.stop()
    const call = this.#call
    const stale = this.#isStale()
    this.#call = undefined
    if (call !== undefined && stale) {
      call.redo = false
      call.connection = undefined
      if (!this.#pool.watch.past(this.#since, briefRestMs)) call.receiver.onResent?.()
      this.#pool.again(call)
    }
    this.#pool.gone(this)
    if (call !== undefined && !stale) call.fail(this.#lossError())
  }

  #lossError(): CarrierError {
    const failure = this.#failure
    if (!this.#ready) return dialError(this.#pool.options.origin, this.#tcpDone, failure)
    if (failure === undefined) return new CarrierError('CLOSED_EARLY', 'The upstream closed the connection.', true)
    return new CarrierError('RESET', 'The upstream cut the connection.', true, failure)
  }

  /** Enforces the deadlines. */
  check(now: number): void {
    const { options, watch } = this.#pool
    if (!this.#ready) {
      if (watch.past(this.#since, options.connectTimeoutMs)) this.#connectTimeout()
    } else if (this.#call === undefined && now + watch.intervalMs >= this.#since + this.#keepMs) this.destroy()
  }

  #connectTimeout(): void {
    const { host } = this.#pool.options.origin
    this.fail(new CarrierError('CONNECT_TIMEOUT', `${host} did not accept a connection in time.`, false))
  }

  #onInputEnd(): void {
    this.#inputEnded = true
    // In the middle of the handshake nothing was sent yet: the close tells why.
    if (this.#ready) this.#proceed()
  }

  #onClose(): void {
    this.#leave()
  }
}

/** How long an idle connection is kept: shorter than the server promises, so that it does not close under our hands. */
function keepMs(promisedSeconds: number | undefined, ownMs: number): number {
  if (promisedSeconds === undefined) return ownMs
  return Math.min(ownMs, Math.max(promisedSeconds * 1000 - 1000, promisedSeconds * 500))
}
