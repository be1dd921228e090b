import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SealedCommit } from '../../consensus/types.ts'
import { DrawbridgeError, messageOf } from '../../core/errors.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { SubmitResult } from '../seams.ts'
import type { ReplicaStatus } from '../status.ts'
import { headBody, healthStatus, syncingBody } from './beacon-view.ts'
import { MalformedTransactions, transactionsIn } from './submission.ts'

/** What the HTTP side of a validator shows and takes. */
export interface HttpSeams {
  readonly status: () => ReplicaStatus
  readonly head: () => SealedCommit | undefined
  readonly metrics: Metrics
  /** Absent: this listener only shows. */
  readonly submit?: (transaction: Uint8Array, done: (result: SubmitResult) => void) => void
  /** Largest body of a submission. */
  readonly maxBodyBytes: number
}

const json = { 'content-type': 'application/json' }
/** From bad to good: a batch is answered by its worst transaction. */
const statusOfResult: Readonly<Record<SubmitResult, number>> = {
  included: 200,
  queueFull: 429,
  tooLarge: 413,
  stopped: 503,
}
const loopback = /^(127\.|::1$|::ffff:127\.)/

/**
 * Serves users and operators of one validator: `POST /transactions`, `GET /status`, `/metrics`, `/health` and three
 * routes of the Beacon API. Transactions are taken from this machine only, and not from web pages.
 */
export class HttpServer {
  readonly #seams: HttpSeams
  readonly #server: Server

  constructor(seams: HttpSeams) {
    this.#seams = seams
    this.#server = createServer((request, response) => this.#serve(request, response))
    this.#server.headersTimeout = 10_000
  }

  /** Resolves with the port. @throws DrawbridgeError `HTTP_LISTEN_FAILED` */
  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) => reject(cannotListen(host, port, cause)))
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port))
    })
  }

  /** Ends every connection. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    if (path === '/transactions') this.#submission(request, response)
    else if (request.method !== 'GET' && request.method !== 'HEAD') send(response, refusal(405, 'Use GET.'))
    else if (path === '/metrics') this.#sendMetrics(response)
    else send(response, this.#show(path, request))
  }

  #show(path: string, request: IncomingMessage): Reply {
    const { status, head } = this.#seams
    switch (path) {
      case '/health':
        return reply(200, { status: 'ok' })
      case '/status':
        return reply(200, status())
      case '/eth/v1/node/health':
        return { status: healthOf(request, status()), body: undefined }
      case '/eth/v1/node/syncing':
        return reply(200, syncingBody(status()))
      case '/eth/v1/beacon/headers/head': {
        const body = headBody(head())
        return body === undefined ? refusal(404, 'There is no commit yet.') : reply(200, body)
      }
      default:
        return refusal(404, 'There is no such route.')
    }
  }

  #sendMetrics(response: ServerResponse): void {
    const { metrics } = this.#seams
    metrics.text().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      (error: unknown) => send(response, refusal(500, messageOf(error))),
    )
  }

  #submission(request: IncomingMessage, response: ServerResponse): void {
    const { submit, maxBodyBytes } = this.#seams
    const no = submit === undefined ? refusal(404, 'This listener takes no transactions.') : refusalOf(request)
    if (no !== undefined || submit === undefined) {
      // The body is not read: the connection is of no use afterwards.
      response.shouldKeepAlive = false
      send(response, no ?? refusal(404, 'This listener takes no transactions.'))
      return
    }
    readBody(request, maxBodyBytes, (body) => {
      if (body === undefined) send(response, refusal(413, 'The body is too large.'))
      else this.#take(body, request.headers['content-type'] ?? '', submit, response)
    })
  }

  #take(body: Buffer, type: string, submit: NonNullable<HttpSeams['submit']>, response: ServerResponse): void {
    try {
      const transactions = transactionsIn(body, type)
      const counts = { included: 0, queueFull: 0, tooLarge: 0, stopped: 0 }
      let left = transactions.length
      const done = (result: SubmitResult): void => {
        counts[result]++
        left--
        if (left === 0) send(response, reply(worst(counts), counts))
      }
      for (const transaction of transactions) submit(transaction, done)
    } catch (error) {
      if (!(error instanceof MalformedTransactions)) throw error
      send(response, refusal(400, error.message))
    }
  }
}

interface Reply {
  readonly status: number
  readonly body: object | undefined
}

function reply(status: number, body: object): Reply {
  return { status, body }
}

function refusal(code: number, message: string): Reply {
  return { status: code, body: { code, message } }
}

/** Why a submission is not even read. */
function refusalOf({ method, socket, headers }: IncomingMessage): Reply | undefined {
  if (method !== 'POST') return refusal(405, 'Use POST.')
  const foreign = !loopback.test(socket.remoteAddress ?? '') || headers.origin !== undefined
  return foreign ? refusal(403, 'Transactions are taken from this machine only, and not from web pages.') : undefined
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, json).end(body === undefined ? '' : `${JSON.stringify(body)}\n`)
}

function worst(counts: Readonly<Record<SubmitResult, number>>): number {
  const results = Object.keys(statusOfResult) as SubmitResult[]
  return statusOfResult[results.findLast((result) => counts[result] > 0) ?? 'included']
}

/** `syncing_status=N` answers N instead of 206, as the Beacon API says. */
function healthOf(request: IncomingMessage, status: ReplicaStatus): number {
  const health = healthStatus(status)
  if (health !== 206) return health
  const wanted = Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('syncing_status') ?? 206)
  return Number.isInteger(wanted) && wanted >= 200 && wanted <= 599 ? wanted : 206
}

/** Gives undefined as soon as the body is larger than allowed; nothing when the sender hangs up. */
function readBody(request: IncomingMessage, maxBytes: number, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  request.on('data', (chunk: Buffer) => {
    const before = size
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
    else if (before <= maxBytes) done(undefined)
  })
  request.on('end', () => {
    if (size <= maxBytes) done(Buffer.concat(chunks))
  })
}

function cannotListen(host: string, port: number, cause: unknown): DrawbridgeError {
  return new DrawbridgeError('HTTP_LISTEN_FAILED', `Cannot listen for users on ${host}:${port}.`, {
    nextStep: 'Another process may hold the port: change "http" in the config.',
    cause,
  })
}
