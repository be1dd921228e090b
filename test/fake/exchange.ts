import { ByteAccount, type Holding } from '../../src/core/byte-account.ts'
import { headerValue } from '../../src/http/headers.ts'
import type { BodyReceiver, Exchange, Flow, RawHeaders } from '../../src/http/types.ts'

export interface ExchangeWishes {
  readonly method?: string
  readonly target?: string
  readonly headers?: RawHeaders
  readonly body?: Buffer
}

/** An exchange without a connection: keeps what it is answered. */
export class FakeExchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly headers: RawHeaders
  readonly client = '192.0.2.1'
  readonly holding: Holding = new ByteAccount(1e9).open('192.0.2.1')
  readonly #body: Buffer
  status: number | undefined
  answerHeaders: RawHeaders = []
  text = ''
  ended = false
  destroyed = false
  /** What `write` says: false asks to wait. */
  hasRoom = true
  onDrain: (() => void) | undefined
  onClose: (() => void) | undefined

  constructor({ method = 'GET', target = '/', headers = [], body = Buffer.alloc(0) }: ExchangeWishes = {}) {
    this.method = method
    this.target = target
    this.headers = headers
    this.#body = body
  }

  header(name: string): string | undefined {
    return headerValue(this.headers, name)
  }

  body(_: number, done: (error: undefined, body: Buffer) => void): void {
    done(undefined, this.#body)
  }

  stream(receiver: BodyReceiver): Flow {
    receiver.onData(this.#body)
    receiver.onEnd()
    return { pause() {}, resume() {} }
  }

  respond(status: number, headers: RawHeaders, body: Buffer | string): void {
    this.start(status, headers)
    this.text = String(body)
    this.end()
  }

  start(status: number, headers: RawHeaders): void {
    if (this.status !== undefined) throw new Error('answered twice')
    this.status = status
    this.answerHeaders = headers
  }

  write(chunk: Buffer): boolean {
    this.text += chunk
    return this.hasRoom
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    this.destroyed = true
  }

  takeOver(): never {
    throw new Error('there is no connection')
  }

  /** The first value of a header of the answer, by lower-case name. */
  answerHeader(name: string): string | undefined {
    return headerValue(this.answerHeaders, name)
  }
}
