import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { FakeChain, type Json } from './el-chain.ts'
import { defaultAnswer, type ElState, Filters, RpcFault } from './el-methods.ts'
import { ElSockets } from './el-sockets.ts'
import { envelope, errorText, parseCalls, type SeenCall } from './rpc-text.ts'
import { type Reply, ScriptedServer, type SeenRequest } from './scripted-server.ts'
import { pause } from './until.ts'

export { echoOf, hashOf, hex } from './el-chain.ts'
export { RpcFault } from './el-methods.ts'
export type { SeenCall } from './rpc-text.ts'

export interface FakeElOptions {
  readonly chainId?: number
  readonly height?: number
  /** Fakes of one chain agree on every hash. */
  readonly chain?: string
  readonly clientVersion?: string
  readonly keepAliveMs?: number
}

/** A result, `{ error: { code, message, data? } }`, or a function that gives (or throws) one. */
export type Answer = unknown | ((params: Json[], call: SeenCall) => unknown)

type RawBody = Buffer | string

const jsonType = 'application/json'

interface Raw {
  readonly body: Buffer | AsyncIterable<Buffer>
  readonly contentType: string
}

/** A scripted execution client: JSON-RPC over HTTP and WebSocket on one port. */
export class FakeElNode extends ScriptedServer implements ElState {
  /** Every call in order of arrival, members of batches one by one. */
  readonly calls: SeenCall[] = []
  readonly transactions: string[] = []
  readonly chain: FakeChain
  readonly sockets: ElSockets
  chainId: number
  syncing: Json = false
  clientVersion: string
  #filters: Filters | undefined
  readonly #answers = new Map<string, Answer>()
  readonly #texts = new Map<string, string>()
  readonly #raw = new Map<string, (call: SeenCall) => Raw | undefined>()
  readonly #delays = new Map<string, number>()

  constructor(options: FakeElOptions = {}) {
    super(options.keepAliveMs)
    this.chain = new FakeChain(options.chain ?? 'chain', options.height ?? 100)
    this.chainId = options.chainId ?? 1337
    this.clientVersion = options.clientVersion ?? 'Fake/v1.0.0'
    this.sockets = new ElSockets(this)
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  get filters(): Filters {
    this.#filters ??= new Filters(String(this.port))
    return this.#filters
  }

  get height(): number {
    return this.chain.height
  }

  /** Moves the head; new blocks are announced one by one to subscribers. */
  set height(height: number) {
    for (let n = this.chain.height + 1; n <= height; n++) {
      this.chain.height = n
      this.sockets.emit('newHeads', this.chain.block(n))
    }
    this.chain.height = height
  }

  /** Replaces the newest `depth` blocks and adds one; announces only the new head, as geth does. */
  reorg(depth: number, branch = 'reorg'): void {
    this.chain.reorg(depth, branch)
    this.chain.height++
    this.sockets.emit('newHeads', this.chain.block(this.chain.height))
  }

  /** Scripts the answer of a method, until {@link forget}. */
  answer(method: string, answer: Answer): void {
    this.#answers.set(method, answer)
  }

  /** Scripts the exact text of a method's result. */
  answerText(method: string, json: string): void {
    this.#texts.set(method, json)
  }

  /** Replaces the whole HTTP body of answers to a method by these bytes, or for single calls by what a function gives. */
  rawBody(method: string, body: RawBody | ((call: SeenCall) => RawBody | undefined), contentType = jsonType): void {
    this.#raw.set(method, (call) => {
      const bytes = typeof body === 'function' ? body(call) : body
      return bytes === undefined ? undefined : { body: Buffer.from(bytes as Buffer), contentType }
    })
  }

  /** Streams a result string of this many bytes: `"0xabab…"`. */
  hugeResult(method: string, bytes: number): void {
    this.#raw.set(method, ({ rawId }) => ({ body: hugeBody(rawId ?? 'null', bytes), contentType: jsonType }))
  }

  /** Waits this long before a method is answered; `'*'` means every method. */
  delay(method: string, ms: number): void {
    this.#delays.set(method, ms)
  }

  /** Drops every script of a method. */
  forget(method: string): void {
    for (const scripts of [this.#answers, this.#texts, this.#raw, this.#delays]) scripts.delete(method)
  }

  callsOf(method: string): SeenCall[] {
    return this.calls.filter((call) => call.method === method)
  }

  override async refuse(): Promise<void> {
    this.sockets.cut()
    await super.refuse()
  }

  /** Answers one call as text; undefined for a notification. */
  async answerCall(call: SeenCall): Promise<string | undefined> {
    this.calls.push(call)
    const ms = this.#delays.get(call.method) ?? this.#delays.get('*') ?? 0
    if (ms > 0) await pause(ms)
    const text = await this.#answerText(call)
    return call.rawId === undefined ? undefined : text
  }

  protected override async reply(request: SeenRequest): Promise<Reply> {
    if (request.method !== 'POST') return plain(request.method === 'GET' ? 200 : 405, '')
    if (!contentType(request).includes(jsonType)) return plain(415, 'invalid content type')
    const parsed = parseCalls(request, 'http')
    if (parsed === undefined) return json(errorText('null', -32700, 'parse error'))
    const answers = await Promise.all(parsed.calls.map((call) => this.answerCall(call)))
    const raw = this.#rawReply(parsed.calls)
    if (raw !== undefined) return raw
    const texts = answers.filter((text) => text !== undefined)
    return json(parsed.batch && parsed.calls.length > 0 ? `[${texts.join(',')}]` : (texts[0] ?? ''))
  }

  protected override upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.sockets.upgrade(request, socket, head)
  }

  #rawReply(calls: readonly SeenCall[]): Reply | undefined {
    for (const call of calls) {
      const raw = this.#raw.get(call.method)?.(call)
      if (raw !== undefined) return { status: 200, headers: ['content-type', raw.contentType], body: raw.body }
    }
    return undefined
  }

  async #answerText(call: SeenCall): Promise<string> {
    const id = call.rawId ?? 'null'
    const text = this.#texts.get(call.method)
    if (text !== undefined) return envelope(id, text)
    try {
      const answer = await this.#resultOf(call)
      const fault = faultIn(answer)
      if (fault !== undefined) return errorText(id, fault.code, fault.message, fault.data)
      return envelope(id, JSON.stringify(answer ?? null))
    } catch (error) {
      if (error instanceof RpcFault) return errorText(id, error.code, error.message, error.data)
      throw error
    }
  }

  #resultOf(call: SeenCall): unknown {
    if (!this.#answers.has(call.method)) return defaultAnswer(call.method, call.params, this)
    const scripted = this.#answers.get(call.method)
    if (typeof scripted !== 'function') return scripted
    return scripted(Array.isArray(call.params) ? call.params : [], call)
  }
}

/** Starts a fake on a port of the system's choice. */
export async function startFakeElNode(options: FakeElOptions = {}): Promise<FakeElNode> {
  const node = new FakeElNode(options)
  await node.accept()
  return node
}

function faultIn(answer: unknown): { code: number; message: string; data?: Json } | undefined {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return undefined
  return answer.error as { code: number; message: string; data?: Json }
}

async function* hugeBody(id: string, bytes: number): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(64 * 1024, 'ab')
  yield Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":"0x`)
  for (let left = bytes - 2; left > 0; left -= piece.length) yield left < piece.length ? piece.subarray(0, left) : piece
  yield Buffer.from('"}')
}

function contentType(request: SeenRequest): string {
  const at = request.headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-type')
  return at < 0 ? '' : (request.headers[at + 1] ?? '').toLowerCase()
}

function plain(status: number, body: string): Reply {
  return { status, headers: ['content-type', 'text/plain'], body }
}

function json(body: string): Reply {
  return { status: 200, headers: ['content-type', jsonType], body }
}
