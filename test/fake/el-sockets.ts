import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { hashOf, type Json } from './el-chain.ts'
import type { FakeElNode } from './el-node.ts'
import { envelope, errorText, parseCalls, type SeenCall } from './rpc-text.ts'

interface Subscription {
  readonly kind: string
  readonly params: Json
  readonly socket: WebSocket
}

/** The WebSocket side of a fake execution client. */
export class ElSockets {
  /** WebSocket connections accepted so far. */
  accepted = 0
  readonly #node: FakeElNode
  readonly #server = new WebSocketServer({ noServer: true })
  readonly #subscriptions = new Map<string, Subscription>()
  #refusal: number | undefined
  #made = 0

  constructor(node: FakeElNode) {
    this.#node = node
  }

  /** WebSocket connections open now. */
  get open(): number {
    return this.#server.clients.size
  }

  /** Subscriptions open now, of one kind or of all. */
  subscriptions(kind?: string): number {
    return [...this.#subscriptions.values()].filter((one) => kind === undefined || one.kind === kind).length
  }

  /** Refuses upgrades with this HTTP status while HTTP calls go on; undefined ends it. */
  refuse(status: number | undefined): void {
    this.#refusal = status
  }

  /** Cuts every connection without a Close frame. */
  cut(): void {
    for (const socket of this.#server.clients) socket.terminate()
  }

  /** Closes every connection properly. */
  close(code = 1001, reason = ''): void {
    for (const socket of this.#server.clients) socket.close(code, reason)
  }

  /** Sends a text to every connection, whatever it is. */
  send(text: string): void {
    for (const socket of this.#server.clients) socket.send(text)
  }

  /** Notifies every subscription of a kind. */
  emit(kind: string, result: Json): void {
    for (const [id, subscription] of this.#subscriptions) {
      if (subscription.kind === kind) this.notify(id, result)
    }
  }

  /** Notifies one subscription. */
  notify(id: string, result: Json): void {
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'eth_subscription', params: { subscription: id, result } })
    const socket = this.#subscriptions.get(id)?.socket
    void this.#node.awake().then(() => socket?.send(text))
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#refusal !== undefined) {
      socket.end(`HTTP/1.1 ${this.#refusal} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
      return
    }
    this.#server.handleUpgrade(request, socket, head, (opened) => this.#opened(opened))
  }

  #opened(socket: WebSocket): void {
    this.accepted++
    socket.on('error', () => {})
    socket.on('message', (data) => void this.#message(socket, data))
    socket.on('close', () => {
      for (const [id, subscription] of this.#subscriptions) {
        if (subscription.socket === socket) this.#subscriptions.delete(id)
      }
    })
  }

  async #message(socket: WebSocket, data: RawData): Promise<void> {
    const parsed = parseCalls({ body: Buffer.from(data as Buffer), headers: [], at: performance.now() }, 'ws')
    if (parsed === undefined) return socket.send(errorText('null', -32700, 'parse error'))
    const answers = await Promise.all(parsed.calls.map((call) => this.#answer(socket, call)))
    await this.#node.awake()
    const texts = answers.filter((text) => text !== undefined)
    if (texts.length > 0) socket.send(parsed.batch ? `[${texts.join(',')}]` : texts[0]!)
  }

  async #answer(socket: WebSocket, call: SeenCall): Promise<string | undefined> {
    const scripted = await this.#node.answerCall(call)
    const missing = scripted?.includes('"code":-32601') ?? false
    if (!missing || call.rawId === undefined) return scripted
    if (call.method === 'eth_subscribe') return envelope(call.rawId, JSON.stringify(this.#subscribe(socket, call)))
    if (call.method === 'eth_unsubscribe') return envelope(call.rawId, String(this.#unsubscribe(call)))
    return scripted
  }

  #subscribe(socket: WebSocket, call: SeenCall): string {
    const params = Array.isArray(call.params) ? call.params : []
    const id = `0x${hashOf(`${this.#node.port}/subscription/${++this.#made}`).slice(2, 34)}`
    this.#subscriptions.set(id, { kind: String(params[0]), params: params.slice(1), socket })
    return id
  }

  #unsubscribe(call: SeenCall): boolean {
    return Array.isArray(call.params) && this.#subscriptions.delete(String(call.params[0]))
  }
}
