import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { collect, pause } from './until.ts'

/** One HTTP request as it arrived. */
export interface SeenRequest {
  readonly method: string
  /** Path and query, undecoded. */
  readonly target: string
  /** Name, value, name, value …, as on the wire. */
  readonly headers: readonly string[]
  readonly body: Buffer
  /** Milliseconds on the clock of `performance.now()`. */
  readonly at: number
}

/** One HTTP answer; a body in pieces is sent as the client takes it. */
export interface Reply {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer | string | AsyncIterable<Buffer>
  /** Called when the connection of a body in pieces is gone. */
  readonly closed?: () => void
}

/** An answer that replaces what the peer would say. */
export interface StatusScript {
  readonly body?: string | Buffer
  readonly headers?: readonly string[]
  /** How many requests get it; all by default. */
  readonly times?: number
}

/** How an answer is spoilt: it never begins, stops in the middle of its body, or comes a few bytes at a time after the first. */
export type Spoiling = 'never' | 'stop' | { readonly first?: number; readonly drip: number; readonly everyMs: number }

/** Decides for each request how its answer is spoilt; undefined: not at all. Connections count from 1. */
export type Spoil = (request: SeenRequest, connection: number) => Spoiling | undefined

interface PendingStatus extends Reply {
  left: number
}

/**
 * An HTTP peer whose behaviour is scripted at any time: it can hang, refuse, reset, truncate or answer with any status.
 * What it says otherwise is its subclass's business.
 */
export abstract class ScriptedServer {
  /** Every HTTP request in order of arrival. */
  readonly requests: SeenRequest[] = []
  /** Connections accepted so far. */
  connections = 0
  /** Requests whose client went away before its answer was complete. */
  aborted = 0
  /** Added to every answer: name, value, name, value …; a name may be repeated. */
  extraHeaders: readonly string[] = []
  /** Asked for every answer whose body is whole. */
  spoil: Spoil = () => undefined
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #numbers = new WeakMap<Duplex, number>()
  #port = 0
  #held: (() => void)[] | undefined
  #status: PendingStatus | undefined
  #resets = 0
  #cutAfter: number | undefined

  constructor(keepAliveMs = 60_000) {
    this.#server = createServer({ maxHeaderSize: 262_144 }, (request, response) => void this.#serve(request, response))
    this.#server.keepAliveTimeout = keepAliveMs
    this.#server.on('connection', (socket) => this.#track(socket))
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head))
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size
  }

  get hanging(): boolean {
    return this.#held !== undefined
  }

  /** Listens: first on a port of the system's choice, later on the same one again. */
  accept(): Promise<void> {
    if (this.#server.listening) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject)
        this.#port = (this.#server.address() as AddressInfo).port
        resolve()
      })
    })
  }

  /** Closes the listener and cuts every connection: new ones are refused. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  /** From now on requests are read and not answered. */
  hang(): void {
    this.#held ??= []
  }

  /** Ends {@link hang}; what was asked meanwhile is answered, late. */
  unhang(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const release of held) release()
  }

  /** Resolves at once, or when the peer stops hanging. */
  awake(): Promise<void> {
    const held = this.#held
    return held === undefined ? Promise.resolve() : new Promise((resolve) => held.push(resolve))
  }

  /** Sends a TCP reset on every open connection. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Answers the next requests with a TCP reset once they have arrived whole. */
  resetNext(count = 1): void {
    this.#resets = count
  }

  /** Answers with this status instead; `status(undefined)` ends it. */
  status(code: number | undefined, script: StatusScript = {}): void {
    const { body = '', headers = ['content-type', 'text/plain'], times = Number.POSITIVE_INFINITY } = script
    this.#status = code === undefined ? undefined : { status: code, headers, body, left: times }
  }

  /** The next answer's connection closes after this many bytes of its body, short of its Content-Length. */
  cutNextAfter(bytes: number): void {
    this.#cutAfter = bytes
  }

  async close(): Promise<void> {
    this.unhang()
    if (this.#server.listening) await this.refuse()
  }

  protected abstract reply(request: SeenRequest): Promise<Reply>

  /** Takes over a connection that asks for an upgrade. */
  protected upgrade(_request: IncomingMessage, socket: Duplex, _head: Buffer): void {
    socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
  }

  #track(socket: Socket): void {
    this.connections++
    this.#sockets.add(socket)
    this.#numbers.set(socket, this.connections)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {})
    await this.awake()
    if (!socket.destroyed) this.upgrade(request, socket, head)
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {})
    response.on('close', () => {
      if (!response.writableFinished) this.aborted++
    })
    try {
      const request = await seen(message)
      this.requests.push(request)
      if (this.#resets > 0) return this.#resetOne(message.socket)
      const reply = this.#takeStatus() ?? (await this.reply(request))
      await this.awake()
      await this.#send(response, reply, this.spoil(request, this.#numbers.get(message.socket) ?? 0))
    } catch (error) {
      // A client that left in the middle of its request is counted above; a broken script must not pass unseen.
      if (!message.errored) response.writeHead(500).end(`the fake failed: ${String(error)}`)
    }
  }

  #resetOne(socket: Socket): void {
    this.#resets--
    socket.resetAndDestroy()
  }

  #takeStatus(): Reply | undefined {
    const status = this.#status
    if (status === undefined) return undefined
    if (--status.left <= 0) this.#status = undefined
    return status
  }

  async #send(response: ServerResponse, reply: Reply, spoiling: Spoiling | undefined): Promise<void> {
    const headers = [...reply.headers, ...this.extraHeaders]
    if (typeof reply.body === 'string' || Buffer.isBuffer(reply.body)) {
      const body = Buffer.from(reply.body as Buffer)
      if (spoiling === undefined) this.#sendWhole(response, reply.status, headers, body)
      else await sendSpoilt(response, { ...reply, headers }, body, spoiling)
      return
    }
    if (reply.closed !== undefined) response.on('close', reply.closed)
    response.writeHead(reply.status, headers)
    for await (const chunk of reply.body) {
      if (response.destroyed) return
      if (!response.write(chunk)) await drained(response)
    }
    response.end()
  }

  #sendWhole(response: ServerResponse, status: number, headers: string[], body: Buffer): void {
    const cut = this.#cutAfter
    this.#cutAfter = undefined
    response.writeHead(status, [...headers, 'content-length', String(body.length)])
    if (cut === undefined) response.end(body)
    else response.write(body.subarray(0, cut), () => response.destroy())
  }
}

/** Sends a body that stops half-way or drips; one that never begins only waits for its client to leave. */
async function sendSpoilt(response: ServerResponse, reply: Reply, body: Buffer, how: Spoiling): Promise<void> {
  if (how === 'never') return
  response.writeHead(reply.status, [...reply.headers, 'content-length', String(body.length)])
  const whole = how === 'stop' ? Math.floor(body.length / 2) : (how.first ?? 0)
  response.flushHeaders()
  if (whole > 0) response.write(body.subarray(0, whole))
  if (how === 'stop') return
  for (let at = whole; at < body.length && !response.destroyed; at += how.drip) {
    response.write(body.subarray(at, at + how.drip))
    await pause(how.everyMs)
  }
  response.end()
}

async function seen(message: IncomingMessage): Promise<SeenRequest> {
  const at = performance.now()
  const body = await collect(message)
  return { method: message.method ?? '', target: message.url ?? '', headers: message.rawHeaders, body, at }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
