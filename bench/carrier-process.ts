import { createServer as createHttp } from 'node:http'
import { createServer } from 'node:net'
import { Pool } from 'undici'
import { realClock } from '../src/core/clock.ts'
import { clientDefaults, createHttpClient } from '../src/http/client.ts'
import { endToEnd } from '../src/http/headers.ts'
import { createHttpServer, serverDefaults } from '../src/http/server.ts'
import type { CarrierError, Exchange, RawHeaders, ResponseReceiver } from '../src/http/types.ts'

/** One process of the carrier bench: prints its port and serves until it is killed. */
const [role, upstreamPort] = process.argv.slice(2)
const origin = `http://127.0.0.1:${upstreamPort}`
const dropped = new Set(['content-length', 'date'])

/** Answers anything without looking at it, as cheaply as Node can: a read is taken for a request. */
function upstream(): void {
  const body = `{"jsonrpc":"2.0","id":1,"result":"0x${'ab'.repeat(80)}"}`
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nVary: Origin\r\nContent-Length: ${body.length}\r\n\r\n`
  const answer = Buffer.from(head + body)
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('data', () => socket.write(answer))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port))
}

class Relay implements ResponseReceiver {
  readonly #exchange: Exchange
  #status = 0
  #headers: RawHeaders = []
  #body: Buffer | undefined

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  onHead(status: number, headers: RawHeaders): void {
    this.#status = status
    this.#headers = headers
  }

  onData(chunk: Buffer): void {
    this.#body = this.#body === undefined ? chunk : Buffer.concat([this.#body, chunk])
  }

  onEnd(): void {
    this.#exchange.respond(this.#status, endToEnd(this.#headers, dropped), this.#body ?? '')
  }

  onError(error: CarrierError): void {
    this.#exchange.respond(502, [], error.message)
  }
}

async function carrier(): Promise<void> {
  const client = createHttpClient({ ...clientDefaults, origin: new URL(origin) }, realClock)
  const server = createHttpServer(serverDefaults, realClock, (exchange) => {
    exchange.body(1_000_000, (_, body) => {
      const { method, target } = exchange
      client.send({ method, target, headers: endToEnd(exchange.headers), body, redo: true }, new Relay(exchange))
    })
  })
  console.log((await server.listen('127.0.0.1', 0)).port)
}

function undici(): void {
  const pool = new Pool(origin, { connections: 256, pipelining: 1 })
  const server = createHttp(async (request, response) => {
    const { method = 'GET', url = '/' } = request
    const headers = { 'content-type': request.headers['content-type'] ?? '' }
    const parts: Buffer[] = []
    request.on('data', (part) => parts.push(part))
    request.on('end', async () => {
      const answer = await pool.request({ method: method as 'POST', path: url, headers, body: Buffer.concat(parts) })
      const body = Buffer.from(await answer.body.arrayBuffer())
      response.writeHead(answer.statusCode, {
        'content-type': String(answer.headers['content-type']),
        'content-length': body.length,
      })
      response.end(body)
    })
  })
  server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port))
}

if (role === 'upstream') upstream()
else if (role === 'carrier') await carrier()
else undici()
