import type { Clock } from '../core/clock.ts'
import { InvariantError } from '../core/errors.ts'
import { ClientCall } from './client-call.ts'
import { ClientConnection, type Pool } from './client-connection.ts'
import { openSocket } from './dial.ts'
import {
  CarrierError,
  type HttpClient,
  type HttpClientOptions,
  type OutgoingCall,
  type OutgoingRequest,
  type ResponseReceiver,
} from './types.ts'
import { Watch } from './watch.ts'

/** Limits that suit one upstream of ours. The idle time stays below the five seconds of the shortest common servers. */
export const clientDefaults: Omit<HttpClientOptions, 'origin'> = {
  connectTimeoutMs: 5000,
  keepAliveMs: 4000,
  maxConnections: 256,
}

/** Connections with flowing answers at most, in multiples of `maxConnections`; those beyond count as all others do. */
const apartAtMost = 16

/**
 * Kept-alive connections to one origin, `http:` or `https:`. A call takes the connection that was used last, opens
 * another one up to `maxConnections`, or waits in line.
 *
 * @example
 * const client = createHttpClient({ ...clientDefaults, origin: new URL('http://127.0.0.1:8545') }, realClock)
 * client.send({ method: 'POST', target: '/', headers: [], body: Buffer.from('{}'), redo: true }, receiver)
 */
export function createHttpClient(options: HttpClientOptions, clock: Clock): HttpClient {
  return new PooledClient(options, clock)
}

class PooledClient implements HttpClient, Pool {
  readonly options: HttpClientOptions
  readonly watch: Watch<ClientConnection>
  readonly hostLine: string
  /** The last one used is the last one here: it is the least likely to be closed by the other side. */
  readonly #idle: ClientConnection[] = []
  /** Those whose answers flow at the pace of their readers: many slow readers must not use up the connections. */
  readonly #apart = new Set<ClientConnection>()
  readonly #waiting: ClientCall[] = []
  #waitingFrom = 0
  #dead = 0
  #closed = false
  #whenEmpty: (() => void)[] = []

  constructor(options: HttpClientOptions, clock: Clock) {
    const { protocol, host } = options.origin
    if (protocol !== 'http:' && protocol !== 'https:') throw new InvariantError('Not an HTTP origin.', { protocol })
    this.options = options
    this.hostLine = `Host: ${host}\r\n`
    this.watch = new Watch(clock, Math.min(options.connectTimeoutMs, options.keepAliveMs))
  }

  get connections(): number {
    return this.watch.members.size
  }

  send(request: OutgoingRequest, receiver: ResponseReceiver): OutgoingCall {
    const call = new ClientCall(request, receiver, this)
    if (this.#closed) queueMicrotask(() => call.fail(closedError()))
    else this.#place(call)
    return call
  }

  #place(call: ClientCall): void {
    const idle = this.#idle.pop()
    if (idle !== undefined) idle.carry(call)
    else if (this.#hasRoom()) this.#connect(call)
    else this.#waiting.push(call)
  }

  #hasRoom(): boolean {
    return this.connections - this.#apart.size < this.options.maxConnections
  }

  setApart(connection: ClientConnection): void {
    if (this.#apart.size >= apartAtMost * this.options.maxConnections) return
    this.#apart.add(connection)
    this.#useRoom()
  }

  #useRoom(): void {
    if (!this.#hasRoom()) return
    const next = this.#nextWaiting()
    if (next !== undefined) this.#connect(next)
  }

  #connect(call: ClientCall): void {
    const connection: ClientConnection = new ClientConnection(this, call, (take) =>
      openSocket(this.options.origin, take),
    )
    this.watch.add(connection)
  }

  again(call: ClientCall): void {
    if (this.#closed) call.fail(closedError())
    else this.#connect(call)
  }

  /** Given-up calls stay in line, dead, until their turn; where they pile up, they are swept out. */
  abandoned(): void {
    if (++this.#dead < 64 || this.#dead * 2 < this.#waiting.length) return
    const alive = this.#waiting.slice(this.#waitingFrom).filter((call) => !call.over)
    this.#waiting.splice(0, this.#waiting.length, ...alive)
    this.#waitingFrom = this.#dead = 0
  }

  release(connection: ClientConnection): void {
    this.#apart.delete(connection)
    const surplus = this.connections - this.#apart.size > this.options.maxConnections
    const next = surplus ? undefined : this.#nextWaiting()
    if (next !== undefined) connection.carry(next)
    else if (this.#closed || surplus) connection.destroy()
    else this.#idle.push(connection)
  }

  gone(connection: ClientConnection): void {
    this.watch.delete(connection)
    const at = this.#idle.lastIndexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#apart.delete(connection)
    this.#useRoom()
    this.#settle()
  }

  #nextWaiting(): ClientCall | undefined {
    while (this.#waitingFrom < this.#waiting.length) {
      const call = this.#waiting[this.#waitingFrom++]!
      if (!call.over) return call
    }
    this.#waiting.length = this.#waitingFrom = this.#dead = 0
    return undefined
  }

  #settle(): void {
    if (!this.#closed || this.connections > 0) return
    for (const resolve of this.#whenEmpty) resolve()
    this.#whenEmpty = []
  }

  close(): Promise<void> {
    this.#closed = true
    for (const connection of [...this.#idle]) connection.destroy()
    if (this.connections === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve)
    })
  }

  destroy(): void {
    this.#closed = true
    for (let call = this.#nextWaiting(); call !== undefined; call = this.#nextWaiting()) call.fail(closedError())
    for (const connection of [...this.watch.members]) connection.fail(closedError())
  }
}

function closedError(): CarrierError {
  return new CarrierError('ABORTED', 'The connections to this upstream were closed.', false)
}
