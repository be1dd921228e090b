import type { ByteAccount } from '../../core/byte-account.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { AbortableSource, ByteReceiver, Flow } from '../../core/flow.ts'
import { GatheredBytes } from '../../core/gathered-bytes.ts'
import {
  CarrierError,
  type HttpClient,
  type OutgoingCall,
  type OutgoingRequest,
  type RawHeaders,
} from '../../http/types.ts'
import { Pace } from './pace.ts'

/** What an upstream said: a response held as a whole, or its beginning with the rest still to come. */
export interface Carried {
  readonly status: number
  readonly headers: RawHeaders
  readonly body: Buffer
  /** What follows `body`; undefined when the body is complete. */
  readonly rest: AbortableSource | undefined
  /** What carried it, for an answer that cannot be trusted. */
  readonly connection: { retire(): void }
}

/** Receives exactly one of the two, or nothing after an abort. */
export interface CarriedReceiver {
  /** The first sign of life: the response head. */
  onHeard(): void
  /** The request goes out once more: the upstream cut a connection that had just been in use. */
  onResent?(): void
  /** A piece has come of a response that is still held. */
  onProgress(bytes: number): void
  onCarried(carried: Carried): void
  onFailed(error: CarrierError): void
}

/** How a response is taken in. */
export interface Intake {
  /** Responses up to this size are held as a whole; 0 hands every response over at its head. */
  readonly holdBytes: number
  /** Longest time without progress of a response that flows; undefined for streams that may be silent. */
  readonly stallMs: number | undefined
  /** Where held bytes are counted; when there is no room, a response is handed over although it is short. */
  readonly account?: ByteAccount | undefined
}

/** Responses up to this size are held without asking. */
const unaccounted = 16_384

/**
 * Sends one request and holds its response up to `intake.holdBytes`; a longer one is handed over with its source paused, so
 * that a slow client slows the upstream down instead of filling memory.
 *
 * @param holder on whose behalf it is held
 */
export function carry(
  client: HttpClient,
  request: OutgoingRequest,
  intake: Intake,
  clock: Clock,
  receiver: CarriedReceiver,
  holder = '',
): { abort(): void } {
  const response = new HeldResponse(intake, clock, receiver, holder)
  response.flow = client.send(request, response)
  if (intake.holdBytes === 0) response.flow.apart()
  return response
}

class HeldResponse implements AbortableSource {
  flow: OutgoingCall | undefined
  readonly #intake: Intake
  readonly #clock: Clock
  readonly #receiver: CarriedReceiver
  readonly #holder: string
  #status = 0
  #headers: RawHeaders = []
  /** What is held: of the response, or of what came after it was handed over and before it was opened. */
  readonly #held = new GatheredBytes()
  /** What of it is in the account. */
  #taken = 0
  #handedOver = false
  #reader: ByteReceiver | undefined
  #ending: { error: CarrierError | undefined } | undefined
  #stall: Timer | undefined
  readonly #pace = new Pace()

  constructor(intake: Intake, clock: Clock, receiver: CarriedReceiver, holder: string) {
    this.#intake = intake
    this.#clock = clock
    this.#receiver = receiver
    this.#holder = holder
  }

  get length(): number | undefined {
    return undefined
  }

  onResent(): void {
    this.#receiver.onResent?.()
  }

  onHead(status: number, headers: RawHeaders): void {
    this.#status = status
    this.#headers = headers
    this.#receiver.onHeard()
    if (this.#intake.holdBytes === 0) this.#handOver()
  }

  onData(chunk: Buffer): void {
    if (this.#handedOver) {
      this.#pass(chunk)
      return
    }
    this.#held.add(chunk)
    this.#receiver.onProgress(chunk.length)
    if (this.#held.length > this.#intake.holdBytes || !this.#mayHold(this.#held.length)) this.#handOver()
  }

  onEnd(): void {
    if (this.#handedOver) {
      this.#finish(undefined)
      return
    }
    this.#giveBack()
    this.#receiver.onCarried(this.#carried(this.#held.take(), undefined))
  }

  onError(error: CarrierError): void {
    if (this.#handedOver) {
      this.#finish(error)
      return
    }
    this.#giveBack()
    this.#receiver.onFailed(error)
  }

  abort(): void {
    this.#clock.clear(this.#stall)
    this.#giveBack()
    this.#held.drop()
    this.flow?.abort()
  }

  open(reader: ByteReceiver): Flow {
    this.#reader = reader
    this.#giveBack()
    const { stallMs } = this.#intake
    if (stallMs !== undefined) this.#stall = this.#clock.after(stallMs, () => this.#checkStall(stallMs))
    if (this.#held.length > 0) reader.onData(this.#held.take())
    if (this.#ending !== undefined) this.#finish(this.#ending.error)
    else this.#resume()
    return { pause: () => this.#pause(), resume: () => this.#resume() }
  }

  #mayHold(size: number): boolean {
    const { account } = this.#intake
    if (account === undefined || size <= unaccounted) return true
    if (!account.take(this.#holder, size - this.#taken)) return false
    this.#taken = size
    return true
  }

  #giveBack(): void {
    if (this.#taken === 0) return
    this.#intake.account?.give(this.#holder, this.#taken)
    this.#taken = 0
  }

  #handOver(): void {
    this.#handedOver = true
    const body = this.#held.take()
    this.#pause()
    this.flow?.apart()
    this.#receiver.onCarried(this.#carried(body, this))
  }

  #carried(body: Buffer, rest: AbortableSource | undefined): Carried {
    return { status: this.#status, headers: this.#headers, body, rest, connection: this.flow! }
  }

  #pass(chunk: Buffer): void {
    this.#pace.moved(chunk.length, this.#clock.now())
    // A chunk may still arrive after the pause: it waits for the reader.
    if (this.#reader === undefined) this.#held.add(chunk)
    else this.#reader.onData(chunk)
  }

  #finish(error: CarrierError | undefined): void {
    if (this.#reader === undefined) {
      this.#ending = { error }
      return
    }
    this.#clock.clear(this.#stall)
    if (error === undefined) this.#reader.onEnd()
    else this.#reader.onError(error)
  }

  #pause(): void {
    this.#pace.pause(this.#clock.now())
    this.flow?.pause()
  }

  #resume(): void {
    this.#pace.resume(this.#clock.now())
    this.flow?.resume()
  }

  #checkStall(stallMs: number): void {
    const idle = this.#pace.idleMs(this.#clock.now())
    if (idle >= stallMs) {
      this.flow?.abort()
      this.#finish(
        new CarrierError(
          'TIMEOUT',
          `The upstream made no progress in the middle of its answer for ${stallMs} ms.`,
          true,
        ),
      )
      return
    }
    const wait = this.#pace.paused ? stallMs : Math.max(1, stallMs - idle)
    this.#stall = this.#clock.after(wait, () => this.#checkStall(stallMs))
  }
}
