import type { Outcome } from '../../rpc/call.ts'
import { batchBody, errorBody, resultEnd, resultStart } from '../../rpc/envelope.ts'
import { type BadMember, isBad, type ScannedCall } from '../../rpc/scan-request.ts'
import { pipe } from './pipe.ts'
import { ourError } from './refusal.ts'
import { discardFlow, respondEncoded, responseBody } from './rpc-answer.ts'
import type { RpcRequest } from './rpc-door.ts'

type Member = ScannedCall | BadMember

/** A complete response, waiting for its turn. */
interface Held {
  readonly body: Buffer
  /** What of it is in the account of held bytes. */
  readonly taken: number
}

/** A result that flows, waiting for its turn. */
interface Flowing {
  readonly id: Buffer
  readonly outcome: Outcome
}

/** The response to one member, none for a notification; undefined while it is awaited, and when it is written. */
type Slot = Held | Flowing | 'silent' | undefined

/** Calls of one batch that run at a time. */
const width = 100
/** Bytes of responses that wait for their turn; beyond that, further calls wait for the reader. */
const maxWaiting = 4_194_304
/** What a flow that waits holds: its beginning, and what the socket had read. */
const flowCost = 327_680

const [open, comma, close] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')]

/**
 * Serves the members of a batch independently and answers them in order; notifications get no answer. Small responses are
 * gathered and sent as one body. Once a result flows, or more waits than is to be held, the responses are written as
 * their turn comes, and further calls begin only as fast as the client reads.
 */
export function answerBatch(request: RpcRequest, members: readonly Member[]): void {
  new BatchAnswer(request, members).proceed()
}

class BatchAnswer {
  readonly #request: RpcRequest
  readonly #members: readonly Member[]
  readonly #slots: Slot[]
  readonly #cancelled: (() => void) | undefined
  /** How many members were begun, answered, and written. */
  #begun = 0
  #answered = 0
  #turn = 0
  /** Bytes that wait in the slots, and the most that one response brought. */
  #waiting = 0
  #largest = 0
  #streaming = false
  #isFirst = true
  /** The client has to read before more is written. */
  #full = false
  /** The result whose turn it is. */
  #flow: Flowing | undefined
  #over = false
  #proceeding = false
  #again = false

  constructor(request: RpcRequest, members: readonly Member[]) {
    this.#request = request
    this.#members = members
    this.#slots = new Array<Slot>(members.length)
    this.#cancelled = request.exchange.onClose
    this.#listen()
  }

  #listen(): void {
    const { exchange } = this.#request
    exchange.onClose = () => this.#abandon()
    exchange.onDrain = () => {
      this.#full = false
      this.proceed()
    }
  }

  /** Begins, writes and ends whatever can be now. */
  proceed(): void {
    this.#again = true
    if (this.#proceeding) return
    this.#proceeding = true
    while (this.#again && !this.#over) {
      this.#again = false
      this.#begin()
      if (this.#streaming) this.#write()
      else if (this.#answered === this.#members.length) this.#respond()
    }
    this.#proceeding = false
  }

  #begin(): void {
    while (!this.#over && this.#begun < this.#members.length && this.#mayBegin()) this.#serve(this.#begun++)
  }

  #mayBegin(): boolean {
    if (this.#begun === this.#turn) return true
    const running = this.#begun - this.#answered
    return running < width && this.#waiting + running * this.#largest < maxWaiting
  }

  #serve(at: number): void {
    const member = this.#members[at]!
    if (isBad(member)) {
      this.#keepBody(at, member.id, errorBody(member.id, ourError('invalidRequest', { problem: member.problem }).error))
      return
    }
    const outcome = this.#request.options.handler(this.#request.callOf(member))
    if (outcome instanceof Promise) void outcome.then((settled) => this.#settle(at, member.id, settled))
    else this.#settle(at, member.id, outcome)
  }

  #settle(at: number, id: Buffer | undefined, outcome: Outcome): void {
    if (!this.#over) this.#request.stale ??= outcome.stale
    if (this.#over || id === undefined) {
      discardFlow(outcome)
      this.#keep(at, 'silent', 0)
    } else if (outcome.answer.kind === 'resultStream') {
      this.#keep(at, { id, outcome }, flowCost)
      this.#stream()
    } else this.#keepBody(at, id, responseBody(id, outcome.answer))
    this.proceed()
  }

  #keepBody(at: number, id: Buffer | undefined, body: Buffer): void {
    const { held } = this.#request.options
    if (held === undefined) this.#keep(at, { body, taken: 0 }, body.length)
    else if (held.take(this.#request.client, body.length)) this.#keep(at, { body, taken: body.length }, body.length)
    else this.#keep(at, { body: errorBody(id, ourError('tooMuchHeld').error), taken: 0 }, body.length)
    if (this.#waiting >= maxWaiting) this.#stream()
  }

  #keep(at: number, slot: Slot, cost: number): void {
    this.#answered++
    if (this.#over) return
    this.#slots[at] = slot
    this.#waiting += cost
    this.#largest = Math.max(this.#largest, cost)
  }

  /** Takes a slot out, with what it held. */
  #take(at: number): Slot {
    const slot = this.#slots[at]
    this.#slots[at] = undefined
    if (slot === undefined || slot === 'silent') return slot
    this.#waiting -= 'body' in slot ? slot.body.length : flowCost
    if ('body' in slot && slot.taken > 0) this.#request.options.held?.give(this.#request.client, slot.taken)
    return slot
  }

  #respond(): void {
    const { exchange } = this.#request
    this.#over = true
    const bodies = this.#members.map((_, at) => this.#take(at)).flatMap((slot) => (isHeld(slot) ? [slot.body] : []))
    if (bodies.length === 0) exchange.respond(204, this.#headers(), '')
    else respondEncoded(exchange, 200, this.#headers(), batchBody(bodies))
  }

  #headers(): string[] {
    const { requestId, corsHeaders, stale } = this.#request
    const headers = ['Content-Type', 'application/json', 'X-Request-Id', requestId, ...corsHeaders]
    if (stale !== undefined) headers.push('X-Drawbridge-Stale', stale)
    return headers
  }

  #stream(): void {
    if (this.#streaming || this.#over) return
    this.#streaming = true
    this.#request.exchange.start(200, this.#headers())
  }

  /** Writes the responses whose turn it is, as far as the client reads. */
  #write(): void {
    while (!this.#full && this.#flow === undefined && this.#turn < this.#members.length) {
      if (this.#slots[this.#turn] === undefined) return
      const slot = this.#take(this.#turn++)
      // The next one may be due, and not begun.
      this.#again = true
      if (slot !== 'silent' && slot !== undefined) this.#writeOne(slot)
    }
    if (this.#turn === this.#members.length && this.#flow === undefined) this.#end()
  }

  #writeOne(slot: Held | Flowing): void {
    const { exchange } = this.#request
    exchange.write(this.#isFirst ? open : comma)
    this.#isFirst = false
    if ('body' in slot) this.#full = !exchange.write(slot.body)
    else this.#pass(slot)
  }

  #pass(flow: Flowing): void {
    const { exchange } = this.#request
    const { answer } = flow.outcome
    if (answer.kind !== 'resultStream') return
    exchange.write(resultStart(flow.id))
    this.#flow = flow
    pipe(answer.source, exchange, () => {
      this.#flow = undefined
      exchange.write(resultEnd)
      this.#listen()
      this.proceed()
    })
    exchange.onClose = () => this.#abandon()
  }

  #end(): void {
    this.#over = true
    this.#request.exchange.write(close)
    this.#request.exchange.end()
  }

  /** The client is gone, or a result broke off: nothing of the rest is wanted. */
  #abandon(): void {
    if (this.#over) return
    this.#over = true
    if (this.#flow !== undefined) discardFlow(this.#flow.outcome)
    for (let at = 0; at < this.#slots.length; at++) {
      const slot = this.#take(at)
      if (slot !== undefined && slot !== 'silent' && !isHeld(slot)) discardFlow(slot.outcome)
    }
    this.#cancelled?.()
  }
}

function isHeld(slot: Slot): slot is Held {
  return typeof slot === 'object' && 'body' in slot
}
