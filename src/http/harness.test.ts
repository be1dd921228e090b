import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { ByteAccount } from '../core/byte-account.ts'
import { realClock } from '../core/clock.ts'
import { clientDefaults, createHttpClient } from './client.ts'
import { createHttpServer, serverDefaults } from './server.ts'
import type {
  CarrierError,
  Exchange,
  HttpClient,
  HttpClientOptions,
  HttpServer,
  HttpServerOptions,
  OutgoingCall,
  OutgoingRequest,
  RawHeaders,
} from './types.ts'

/** Polls until `condition` holds; fails after so long that only what never comes is missed on a busy machine. */
export async function waitUntil(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000
  while (!condition()) {
    assert.ok(performance.now() < end, `waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Runs `use` against a server of ours, and destroys it. */
export async function withServer(
  onExchange: (exchange: Exchange) => void,
  use: (port: number, server: HttpServer) => Promise<void>,
  options: Partial<HttpServerOptions> = {},
  account?: ByteAccount,
): Promise<void> {
  const server = createHttpServer({ ...serverDefaults, ...options }, realClock, onExchange, account)
  const { port } = await server.listen('127.0.0.1', 0)
  try {
    await use(port, server)
  } finally {
    server.destroy()
  }
}

/** A client that sends what it is told, byte for byte. */
export class RawClient {
  received = ''
  /** The server has sent its FIN. */
  ended = false
  closed = false
  readonly socket: Socket

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (text) => {
      this.received += text
    })
    this.socket.on('end', () => {
      this.ended = true
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.closed = true
    })
  }

  send(text: string | Buffer): this {
    this.socket.write(text as string, 'latin1')
    return this
  }

  async until(pattern: RegExp | string): Promise<string> {
    const found = (): boolean =>
      typeof pattern === 'string' ? this.received.includes(pattern) : pattern.test(this.received)
    await waitUntil(() => found() || this.closed, `${pattern} came; got ${JSON.stringify(this.received.slice(0, 500))}`)
    assert.ok(found(), `${pattern} never came; got ${JSON.stringify(this.received.slice(0, 500))}`)
    return this.received
  }

  /** Everything until the server closes. */
  async toEnd(): Promise<string> {
    await waitUntil(() => this.ended || this.closed, 'the server closed')
    this.socket.destroy()
    return this.received
  }

  close(): void {
    this.socket.destroy()
  }
}

/** Sends `text` to the server and returns all that comes back until it closes. */
export async function exchangeRaw(port: number, text: string): Promise<string> {
  return new RawClient(port).send(text).toEnd()
}

/** An upstream that is scripted byte for byte: `onBytes` gets everything a connection has received so far. */
export async function withUpstream(
  onBytes: (socket: Socket, received: string, connection: number) => void,
  use: (origin: URL, upstream: Server) => Promise<void>,
): Promise<void> {
  let connections = 0
  const sockets = new Set<Socket>()
  const upstream = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = connections++
    let received = ''
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1')
      onBytes(socket, received, connection)
      if (received.endsWith('END')) received = ''
    })
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  try {
    await use(new URL(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`), upstream)
  } finally {
    for (const socket of sockets) socket.destroy()
    upstream.close()
  }
}

export interface Answer {
  readonly status: number
  readonly headers: RawHeaders
  readonly body: string
}

export function newClient(origin: URL, options: Partial<HttpClientOptions> = {}): HttpClient {
  return createHttpClient({ ...clientDefaults, origin, ...options }, realClock)
}

/** Makes a request whose body ends in END, so that {@link withUpstream} can tell requests apart. */
export function requestOf(parts: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return { method: 'POST', target: '/', headers: [], body: Buffer.from('END'), redo: true, ...parts }
}

/** Sends a request and gathers its answer. */
export function call(
  client: HttpClient,
  request: Partial<OutgoingRequest> = {},
  onCall: (outgoing: OutgoingCall) => void = () => {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0
    let headers: RawHeaders = []
    const chunks: Buffer[] = []
    const outgoing = client.send(requestOf(request), {
      onHead: (s, h) => {
        status = s
        headers = h
      },
      onData: (chunk) => chunks.push(chunk),
      onEnd: () => resolve({ status, headers, body: Buffer.concat(chunks).toString('latin1') }),
      onError: reject,
    })
    onCall(outgoing)
  })
}

/** Checks that a promise fails with a carrier error of this code. */
export async function failsWith(promise: Promise<unknown>, code: string, sent?: boolean): Promise<void> {
  await assert.rejects(promise, (error: CarrierError) => {
    assert.equal(error.code, code, error.message)
    if (sent !== undefined) assert.equal(error.sent, sent)
    return true
  })
}

/** Answers with the body it got. */
export const echo = (exchange: Exchange): void => {
  exchange.body(1000, (error, body) => {
    if (error === undefined) exchange.respond(200, ['X-Target', exchange.target], body)
    else exchange.respond(error.code === 'TOO_LARGE' ? 413 : 400, [], error.code)
  })
}
/** A plain request. */
export const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
/** A request with a body; `extra`: further header lines. */
export const post = (body: string, extra = ''): string =>
  `POST / HTTP/1.1\r\nHost: x\r\n${extra}Content-Length: ${body.length}\r\n\r\n${body}`
export const close = 'Connection: close\r\n'
/** The head of a chunked request, still open. */
export const upload = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n'

/** A whole answer with this body. */
export const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
/** Whether a request has come whole: its body ends so. */
export const whole = (received: string): boolean => received.endsWith('END')

/** An upstream that answers every whole request with the same bytes. */
export function answering(answer: string, use: (client: HttpClient) => Promise<void>): Promise<void> {
  return withUpstream(
    (socket, received) => void (whole(received) && socket.write(answer, 'latin1')),
    async (origin) => {
      const client = newClient(origin)
      await use(client).finally(() => client.destroy())
    },
  )
}

/** The same, and the connection closes behind the answer. */
export function answeringOnce(answer: string, use: (client: HttpClient) => Promise<void>): Promise<void> {
  return withUpstream(
    (socket, received) => void (whole(received) && socket.end(answer, 'latin1')),
    async (origin) => {
      const client = newClient(origin)
      await use(client).finally(() => client.destroy())
    },
  )
}
