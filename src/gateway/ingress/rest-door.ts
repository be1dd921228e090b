import { Cancellation } from '../../core/cancel.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { AbortableSource, ByteSource } from '../../core/flow.ts'
import { decodeBody } from '../../http/encoding.ts'
import { headerValue } from '../../http/headers.ts'
import type { CarrierError, Exchange } from '../../http/types.ts'
import { type Handler, type Outcome, type RestCall, Trail } from '../../rpc/call.ts'
import type { ClientErrorReason } from '../../rpc/client-errors.ts'
import { type AnswerHeaders, openly } from './answer-headers.ts'
import { flowingBody } from './client-body.ts'
import { directiveOf, headersOfRest, isMinHeadBad } from './client-headers.ts'
import type { ClientLimit } from './client-limit.ts'
import type { Cors } from './cors.ts'
import { isForeignPage } from './cross-site.ts'
import type { EndlessAnswers } from './endless-answers.ts'
import { isBeaconType } from './media-type.ts'
import type { DirectivesOptions, LimitsOptions } from './options.ts'
import { staysBelow } from './path-check.ts'
import { pipe } from './pipe.ts'
import { bodyRefusal, ourError, retryAfterSeconds } from './refusal.ts'
import type { RequestIds } from './request-id.ts'
import type { Door } from './router.ts'

/** What routing has to know of a request, told by the room that knows the API. */
export type RouteOf = (
  verb: string,
  path: string,
) => Pick<RestCall, 'label' | 'repeat' | 'cost' | 'endless' | 'everyone' | 'patienceMs'>

/** What the REST door of a network works with. */
export interface RestDoorOptions {
  readonly handler: Handler<RestCall>
  /** What comes before the API's own path: `/cl`, or nothing at the root. */
  readonly prefix: string
  readonly routeOf: RouteOf
  readonly limits: LimitsOptions
  readonly directives?: DirectivesOptions | undefined
  readonly clientLimit: ClientLimit
  readonly cors: Cors
  readonly ids: RequestIds
  readonly clock: Clock
  readonly answerHeaders?: AnswerHeaders | undefined
  /** Hides in errors of upstreams what is secret. */
  readonly discreet?: ((bytes: Buffer) => Buffer) | undefined
  /** Who may end an event stream. */
  readonly endless?: EndlessAnswers | undefined
}

/** Request bodies up to this size are held, so that the request can be repeated elsewhere; longer ones flow by once. */
const heldBytes = 1_048_576
/** A node refuses a stream at once; one that has nothing to tell yet may keep its head until it has. */
const ownHeadMs = 100

/** A REST API passed through: verb, raw path and query, body and status unchanged, streamed both ways. */
export function restDoor(options: RestDoorOptions): Door {
  return (exchange, path) => {
    if (options.cors.answersPreflight(exchange)) return
    const waitMs = options.clientLimit.take(exchange.client, 1)
    const request = new RestRequest(options, exchange, path)
    if (waitMs > 0) {
      request.answerLimited(waitMs)
      return
    }
    const problem = problemOf(exchange, path.slice(options.prefix.length), options.cors)
    if (problem === undefined) request.read()
    else request.answerProblem(problem)
  }
}

type Problem = 'badPath' | 'badMinHead' | 'wrongContentType' | 'foreignPage'

function problemOf(exchange: Exchange, path: string, cors: Cors): Problem | undefined {
  if (!staysBelow(path)) return 'badPath'
  if (isMinHeadBad(exchange)) return 'badMinHead'
  const { method } = exchange
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return undefined
  const type = exchange.header('content-type')
  if (type !== undefined && !isBeaconType(type)) return 'wrongContentType'
  return isForeignPage(exchange, cors) ? 'foreignPage' : undefined
}

class RestRequest {
  readonly #options: RestDoorOptions
  readonly #exchange: Exchange
  readonly #path: string
  readonly #requestId: string
  readonly #startedAt: number
  readonly #cancellation = new Cancellation()
  #answered = false
  #flowing: AbortableSource | undefined
  /** Takes an event stream off the list of those that a shutdown ends. */
  #forget: (() => void) | undefined
  #ownHead: Timer | undefined
  /** Our own head of an event stream has gone out; nothing of a node has. */
  #opened = false

  constructor(options: RestDoorOptions, exchange: Exchange, path: string) {
    this.#options = options
    this.#exchange = exchange
    this.#path = path.slice(options.prefix.length)
    this.#requestId = options.ids.idFor(exchange.header('x-request-id'))
    this.#startedAt = options.clock.now()
  }

  read(): void {
    const exchange = this.#exchange
    const length = bodyLength(exchange)
    if (length === 0) this.#serve(undefined)
    else if (length !== undefined && length > this.#options.limits.maxBodyBytes) this.#answerRefusal('tooLarge')
    else if (this.#isHeld(length)) {
      exchange.body(this.#options.limits.maxBodyBytes, (error, body) => {
        if (error === undefined) this.#serve(body)
        else this.#answerBroken(error)
      })
    } else {
      const limit = this.#options.limits.maxBodyBytes
      this.#serve(flowingBody(exchange, length, limit, (error) => this.#bodySpoilt(error)))
    }
  }

  /** What every node is to be told is sent more than once, however long it is. */
  #isHeld(length: number | undefined): boolean {
    if (length !== undefined && length <= heldBytes) return true
    return this.#options.routeOf(this.#exchange.method, this.#path).everyone
  }

  #bodySpoilt(error: CarrierError): void {
    if (this.#answered) return
    this.#cancellation.cancel()
    this.#answerBroken(error)
  }

  #answerBroken({ code }: CarrierError): void {
    const reason = bodyRefusal(code, this.#exchange)
    if (reason === undefined || reason === 'unparsable') {
      this.#answered = true
      this.#exchange.destroy()
    } else this.#answerRefusal(reason, code === 'NO_ROOM' ? ['Retry-After', '1'] : [])
  }

  answerProblem(problem: Problem): void {
    this.#answerRefusal(problem)
  }

  answerLimited(waitMs: number): void {
    this.#answerRefusal('limited', ['Retry-After', retryAfterSeconds(waitMs)])
  }

  #serve(body: Buffer | ByteSource | undefined): void {
    const call = this.#callWith(body)
    const { endless } = this.#options
    if (call.endless && endless?.closed) {
      this.#answerRefusal('closing', ['Retry-After', '1'])
      return
    }
    if (call.endless && endless?.hasRoom(this.#exchange.client) === false) {
      this.#answerRefusal('limited', ['Retry-After', '1'])
      return
    }
    if (call.endless) {
      this.#forget = endless?.add(() => this.#endStream(), this.#exchange.client)
      this.#ownHead = this.#options.clock.after(ownHeadMs, () => this.#openStream())
    }
    this.#exchange.onClose = () => {
      this.#options.clock.clear(this.#ownHead)
      this.#forget?.()
      this.#cancellation.cancel()
    }
    const outcome = this.#options.handler(call)
    if (outcome instanceof Promise) outcome.then((settled) => this.#answer(call, settled))
    else this.#answer(call, outcome)
  }

  /** Begins an event stream in the node's place, which may keep its head until it has something to tell. */
  #openStream(): void {
    this.#opened = true
    const headers = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache', 'X-Request-Id', this.#requestId]
    this.#exchange.start(200, [...headers, ...this.#options.cors.headersFor(this.#exchange)])
  }

  /** What a node says after our own head: a stream goes on, anything else breaks it off. */
  #continueStream({ answer }: Outcome): void {
    this.#answered = true
    if (answer.kind === 'http' && answer.status === 200 && !Buffer.isBuffer(answer.body)) this.#passOn(answer.body)
    else {
      if (answer.kind === 'http' && !Buffer.isBuffer(answer.body)) answer.body.abort()
      this.#forget?.()
      this.#exchange.destroy()
    }
  }

  #endStream(): void {
    const source = this.#flowing
    this.#options.clock.clear(this.#ownHead)
    this.#cancellation.cancel()
    if (this.#opened && source === undefined) {
      this.#answered = true
      this.#exchange.end()
    } else if (!this.#answered) this.#answerRefusal('closing', ['Retry-After', '1'])
    else if (source !== undefined) {
      this.#exchange.end()
      source.abort()
    }
  }

  #callWith(body: Buffer | ByteSource | undefined): RestCall {
    const exchange = this.#exchange
    const { label, repeat, cost, endless, everyone, patienceMs } = this.#options.routeOf(exchange.method, this.#path)
    return {
      // What an upstream lacks is remembered by name: one unknown path must not stand for all of them.
      name: label === 'other' ? `${exchange.method} ${this.#path}` : label,
      label,
      // A body that flows by is gone after the first attempt.
      repeat: body === undefined || Buffer.isBuffer(body) ? repeat : 'never',
      cost,
      endless,
      everyone,
      patienceMs,
      verb: exchange.method,
      target: exchange.target.slice(this.#options.prefix.length) || '/',
      body,
      requestId: this.#requestId,
      client: exchange.client,
      headers: endless ? uncoded(headersOfRest(exchange)) : headersOfRest(exchange),
      directive: directiveOf(exchange, this.#options.directives),
      cancellation: this.#cancellation,
      trail: new Trail(),
      startedAt: this.#startedAt,
    }
  }

  #answer(call: RestCall, outcome: Outcome): void {
    const { answer } = outcome
    if (this.#answered) {
      if (answer.kind === 'http' && !Buffer.isBuffer(answer.body)) answer.body.abort()
      return
    }
    this.#options.clock.clear(this.#ownHead)
    if (this.#opened) {
      this.#continueStream(outcome)
      return
    }
    if (answer.kind !== 'http') {
      const refusal = answer.kind === 'refusal' ? answer.refusal : { reason: 'internal' as const }
      const { retryAfterMs } = refusal
      this.#answerRefusal(
        refusal.reason,
        retryAfterMs === undefined ? [] : ['Retry-After', retryAfterSeconds(retryAfterMs)],
      )
      return
    }
    const headers = (this.#options.answerHeaders ?? openly).ofRest(outcome, answer.status)
    headers.push('X-Request-Id', this.#requestId, 'X-Drawbridge-Attempts', String(call.trail.attempts))
    if (outcome.upstream !== undefined) headers.push('X-Drawbridge-Upstream', outcome.upstream)
    if (outcome.head !== undefined && outcome.head >= 0) headers.push('X-Drawbridge-Head', String(outcome.head))
    if (outcome.stale !== undefined) headers.push('X-Drawbridge-Stale', outcome.stale)
    headers.push(...this.#options.cors.headersFor(this.#exchange))
    this.#answered = true
    if (Buffer.isBuffer(answer.body)) {
      this.#forget?.()
      this.#respondDiscreetly(answer.status, headers, answer.body)
    } else {
      this.#exchange.start(answer.status, headers)
      this.#passOn(answer.body)
    }
  }

  #passOn(source: AbortableSource): void {
    const forget = this.#forget
    this.#flowing = source
    pipe(source, this.#exchange, () => {
      forget?.()
      this.#exchange.end()
    })
    if (forget === undefined) return
    const stop = this.#exchange.onClose
    this.#exchange.onClose = () => {
      forget()
      stop?.()
    }
  }

  /** Errors repeat what they were sent; what was asked for is never changed. */
  #respondDiscreetly(status: number, headers: readonly string[], body: Buffer): void {
    const { discreet } = this.#options
    const exchange = this.#exchange
    if (status < 400 || discreet === undefined) exchange.respond(status, headers, body)
    else {
      const coding = headerValue(headers, 'content-encoding')
      if (coding === undefined) exchange.respond(status, headers, discreet(body))
      else {
        // What cannot be read cannot be vouched for: it goes on without its words.
        decodeBody(body, coding, heldBytes, (error, decoded) => {
          exchange.respond(status, uncodedAnswer(headers), error === undefined ? discreet(decoded) : '')
        })
      }
    }
  }

  /** The error shape of the Beacon API: `{code, message}`. */
  #answerRefusal(reason: ClientErrorReason, more: readonly string[] = []): void {
    const { status, error } = ourError(reason)
    const parsed = JSON.parse(error.toString()) as { message: string; data: object }
    const code = status === 200 ? 502 : status
    const headers = ['Content-Type', 'application/json', 'X-Request-Id', this.#requestId, ...more]
    headers.push(...this.#options.cors.headersFor(this.#exchange))
    this.#answered = true
    this.#forget?.()
    this.#exchange.respond(code, headers, JSON.stringify({ code, message: parsed.message, ...parsed.data }))
  }
}

/** Our own head of a stream promises no coding. */
function uncoded(headers: readonly string[]): string[] {
  return headers.filter((_, at) => headers[at - (at % 2)]!.toLowerCase() !== 'accept-encoding')
}

function uncodedAnswer(headers: readonly string[]): string[] {
  return headers.filter((_, at) => headers[at - (at % 2)]!.toLowerCase() !== 'content-encoding')
}

function bodyLength(exchange: Exchange): number | undefined {
  const length = exchange.header('content-length')
  if (length !== undefined) return Number(length)
  return exchange.header('transfer-encoding') === undefined ? 0 : undefined
}
