import type { ByteAccount } from '../../core/byte-account.ts'
import { Cancellation } from '../../core/cancel.ts'
import type { Clock } from '../../core/clock.ts'
import type { Decoding } from '../../http/decoding.ts'
import type { CarrierError, Exchange } from '../../http/types.ts'
import { type Handler, type Outcome, type RpcCall, Trail } from '../../rpc/call.ts'
import { methodTraits } from '../../rpc/methods.ts'
import { type ScannedCall, type ScannedRequest, scanRequest } from '../../rpc/scan-request.ts'
import type { AnswerHeaders } from './answer-headers.ts'
import { directiveOf, headersOfRpc, isMinHeadBad } from './client-headers.ts'
import type { ClientLimit } from './client-limit.ts'
import type { Cors } from './cors.ts'
import { isForeignPage } from './cross-site.ts'
import { isJsonType } from './media-type.ts'
import type { DirectivesOptions, LimitsOptions } from './options.ts'
import { bodyRefusal, refuse } from './refusal.ts'
import type { RequestIds } from './request-id.ts'
import type { Door } from './router.ts'
import { answerHeaders, respondEncoded, responseBody, statusOf, streamAnswer } from './rpc-answer.ts'
import { answerBatch } from './rpc-batch.ts'

/** What the JSON-RPC door of a network works with. */
export interface RpcDoorOptions {
  readonly handler: Handler<RpcCall>
  readonly limits: LimitsOptions
  readonly directives?: DirectivesOptions | undefined
  readonly clientLimit: ClientLimit
  readonly decoding: Decoding
  readonly cors: Cors
  readonly ids: RequestIds
  readonly clock: Clock
  readonly answerHeaders?: AnswerHeaders | undefined
  /** What may be held on behalf of clients. */
  readonly held?: ByteAccount | undefined
}

/** Longest body that is read of a client over its limit, in bytes. */
const readForId = 4096

/** JSON-RPC over HTTP POST: single calls, batches and notifications. */
export function rpcDoor(options: RpcDoorOptions): Door {
  return (exchange) => {
    if (exchange.method === 'OPTIONS' && options.cors.answersPreflight(exchange)) return
    const request = new RpcRequest(options, exchange)
    // Before anything is read, and whatever comes of it: what is refused costs as well.
    const waitMs = options.clientLimit.take(exchange.client, 1)
    if (waitMs > 0) request.refuseLimited(waitMs)
    else if (request.isAcceptable()) request.read()
  }
}

/** One HTTP request with one call or a batch in it. */
export class RpcRequest {
  readonly exchange: Exchange
  readonly options: RpcDoorOptions
  readonly requestId: string
  readonly corsHeaders: readonly string[]
  /** What has to be said of a batch of which a member is stale. */
  stale: string | undefined
  readonly #startedAt: number
  readonly #cancellation = new Cancellation()
  #headers: readonly string[] | undefined

  constructor(options: RpcDoorOptions, exchange: Exchange) {
    this.options = options
    this.exchange = exchange
    this.requestId = options.ids.idFor(exchange.header('x-request-id'))
    this.corsHeaders = options.cors.headersFor(exchange)
    this.#startedAt = options.clock.now()
  }

  /** Checks what can be told before the body is read; answers and returns false when it will not do. */
  isAcceptable(): boolean {
    const { exchange } = this
    if (exchange.method !== 'POST') {
      this.#refuseMethod()
      return false
    }
    if (!isJson(exchange)) refuse(this, 'wrongContentType')
    else if (isForeignPage(exchange, this.options.cors)) refuse(this, 'foreignPage')
    else if (isMinHeadBad(exchange)) refuse(this, 'badMinHead')
    else return true
    return false
  }

  /** A small body is read for its id, without which a library cannot tell which of its calls was refused. */
  refuseLimited(retryAfterMs: number): void {
    const { exchange } = this
    const small = Number(exchange.header('content-length') ?? Number.NaN) <= readForId
    if (!small || exchange.header('content-encoding') !== undefined) refuse(this, 'limited', { retryAfterMs })
    else {
      exchange.body(readForId, (error, body) => {
        if (error === undefined) refuse(this, 'limited', { id: idOf(scanRequest(body, 1)), retryAfterMs })
        else this.#refuseBody(error)
      })
    }
  }

  read(): void {
    const { exchange, options } = this
    const { maxBodyBytes } = options.limits
    exchange.body(maxBodyBytes, (error, body) => {
      if (error !== undefined) this.#refuseBody(error)
      else if (exchange.header('content-encoding') === undefined) this.#serve(body)
      else {
        const { holding } = exchange
        options.decoding.decode(
          body,
          exchange.header('content-encoding'),
          maxBodyBytes,
          holding,
          (problem, decoded) => {
            if (problem === undefined) this.#serve(decoded)
            else this.#refuseBody(problem)
          },
        )
      }
    })
  }

  /** Address of the client. */
  get client(): string {
    return this.exchange.client
  }

  callOf(scanned: ScannedCall): RpcCall {
    const traits = methodTraits(scanned.method)
    this.#headers ??= headersOfRpc(this.exchange)
    return {
      name: scanned.method,
      label: traits.label,
      repeat: traits.repeat,
      cost: traits.cost,
      traits,
      params: scanned.params,
      requestId: this.requestId,
      client: this.exchange.client,
      headers: this.#headers,
      directive: directiveOf(this.exchange, this.options.directives),
      cancellation: this.#cancellation,
      trail: new Trail(),
      startedAt: this.#startedAt,
    }
  }

  #serve(body: Buffer): void {
    const request = scanRequest(body, this.options.limits.maxBatch)
    switch (request.kind) {
      case 'tooMany':
        refuse(this, 'batchTooLarge')
        break
      case 'unparsable':
        refuse(this, 'unparsable', { problem: `${request.problem} At byte ${request.at}.` })
        break
      case 'invalid':
        refuse(this, 'invalidRequest', { problem: request.bad.problem, id: request.bad.id })
        break
      default:
        if (this.#isWithinLimit(request)) this.#carry(request)
    }
  }

  #isWithinLimit(request: ScannedRequest): boolean {
    const count = request.kind === 'batch' ? request.members.length : 1
    const waitMs = this.options.clientLimit.takeRest(this.exchange.client, count)
    if (waitMs > 0) refuse(this, 'limited', { id: idOf(request), retryAfterMs: waitMs })
    return waitMs === 0
  }

  #carry(request: Extract<ScannedRequest, { kind: 'single' | 'batch' }>): void {
    this.exchange.onClose = () => this.#cancellation.cancel()
    if (request.kind === 'batch') answerBatch(this, request.members)
    else this.#single(request.call)
  }

  #single(scanned: ScannedCall): void {
    const call = this.callOf(scanned)
    const outcome = this.options.handler(call)
    if (outcome instanceof Promise) outcome.then((settled) => this.#answer(scanned.id, call, settled))
    else this.#answer(scanned.id, call, outcome)
  }

  #answer(id: Buffer | undefined, call: RpcCall, outcome: Outcome): void {
    const { exchange } = this
    const headers = answerHeaders(call, outcome, this.options.answerHeaders)
    if (this.corsHeaders.length > 0) headers.push(...this.corsHeaders)
    const { answer } = outcome
    if (id === undefined) {
      if (answer.kind === 'resultStream') answer.source.abort()
      exchange.respond(204, headers, '')
    } else if (answer.kind === 'resultStream') streamAnswer(exchange, id, outcome, headers)
    else respondEncoded(exchange, statusOf(answer), headers, responseBody(id, answer))
  }

  #refuseMethod(): void {
    if (this.exchange.header('upgrade') === undefined)
      refuse(this, 'wrongMethod', { headers: ['Allow', 'POST, OPTIONS'] })
    else refuse(this, 'noWebSocket')
  }

  #refuseBody(error: CarrierError): void {
    const reason = bodyRefusal(error.code, this.exchange)
    if (reason === undefined) this.exchange.destroy()
    else if (reason === 'unparsable' || error.code === 'TOO_LARGE') refuse(this, reason, { problem: error.message })
    else refuse(this, reason, error.code === 'NO_ROOM' ? { retryAfterMs: 1000 } : {})
  }
}

/** Without a type, a page of another site could post to us unasked: only programs may leave it out. */
function isJson(exchange: Exchange): boolean {
  const type = exchange.header('content-type')
  return type === undefined ? exchange.header('origin') === undefined : isJsonType(type)
}

function idOf(request: ReturnType<typeof scanRequest>): Buffer | undefined {
  return request.kind === 'single' ? request.call.id : undefined
}
