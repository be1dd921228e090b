import { createServer, type Server, type Socket } from 'node:net'
import { ByteAccount } from '../core/byte-account.ts'
import type { Clock } from '../core/clock.ts'
import { DrawbridgeError } from '../core/errors.ts'
import { accept } from './accept.ts'
import { ClientPlaces } from './client-places.ts'
import { httpDate } from './date.ts'
import { calmAtTheDoor, Farewell, quietMs } from './farewell.ts'
import type { ServerConnection, ServerShared } from './server-connection.ts'
import type { Exchange, HttpServer, HttpServerOptions } from './types.ts'
import { Watch } from './watch.ts'

/** Limits that suit a server open to strangers. */
export const serverDefaults: HttpServerOptions = {
  headTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  writeTimeoutMs: 30_000,
  keepAliveMs: 65_000,
  maxHeadBytes: 16_384,
  // A query of the Beacon API names up to 1,024 validators by their keys.
  maxTargetBytes: 139_264,
  maxConnections: 10_000,
  maxConnectionsPerClient: 2500,
  maxHeldBytes: 268_435_456,
  leastBytesPerSecond: 256,
  leastRateWindowMs: 10_000,
}

/** Connections above the limit that may wait at a time for their 503 to be read. */
const maxTurnedAway = 64

/**
 * An HTTP/1.1 server.
 *
 * @param onExchange Called for each request as soon as its head is there. It must not throw.
 * @param account What is held for clients is booked there; its own one when others have no part in it.
 * @param onRefused Called for each request that is refused before it is one; says for how many milliseconds its client has
 * asked too much already.
 * @example
 * const server = createHttpServer(serverDefaults, realClock, (exchange) => exchange.respond(200, [], 'hello'))
 * const { port } = await server.listen('127.0.0.1', 0)
 */
export function createHttpServer(
  options: HttpServerOptions,
  clock: Clock,
  onExchange: (exchange: Exchange) => void,
  account: ByteAccount = new ByteAccount(options.maxHeldBytes),
  onRefused: (client: string) => number = () => 0,
): HttpServer {
  return new TcpHttpServer(options, clock, onExchange, account, onRefused)
}

class TcpHttpServer implements HttpServer, ServerShared {
  readonly options: HttpServerOptions
  readonly watch: Watch<ServerConnection>
  readonly onExchange: (exchange: Exchange) => void
  readonly onRefused: (client: string) => number
  readonly account: ByteAccount
  dateLine = ''
  draining = false
  hurried = false
  #accepted = 0
  #destroyed = false
  readonly #clock: Clock
  readonly #listener: Server
  readonly #turnedAway = new Set<ServerConnection>()
  readonly #places: ClientPlaces
  readonly #farewell: Farewell

  constructor(
    options: HttpServerOptions,
    clock: Clock,
    onExchange: (exchange: Exchange) => void,
    account: ByteAccount,
    onRefused: (client: string) => number,
  ) {
    this.options = options
    this.onExchange = onExchange
    this.onRefused = onRefused
    this.account = account
    this.#places = new ClientPlaces(options.maxConnectionsPerClient)
    this.#clock = clock
    const { headTimeoutMs, bodyTimeoutMs, writeTimeoutMs, keepAliveMs } = options
    const shortest = Math.min(headTimeoutMs, bodyTimeoutMs, writeTimeoutMs, keepAliveMs)
    this.watch = new Watch(clock, shortest, () => this.#setDate())
    this.#farewell = new Farewell(clock, this.watch.members)
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true })
    this.#listener.on('connection', (socket) => this.#adopt(socket))
  }

  get connections(): number {
    return this.watch.members.size
  }

  listen(host: string, port: number): Promise<{ host: string; port: number }> {
    const listener = this.#listener
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(cannotListen(host, port, error))
      listener.once('error', fail)
      listener.listen({ host, port, backlog: 4096 }, () => {
        listener.off('error', fail)
        // A connection that could not be accepted (no file descriptors left) must not take the others down.
        listener.on('error', () => {})
        const address = listener.address()
        const bound = address !== null && typeof address === 'object' ? address : { address: host, port }
        resolve({ host: bound.address, port: bound.port })
      })
    })
  }

  #setDate(): void {
    this.dateLine = `Date: ${httpDate(this.#clock.wall())}\r\n`
  }

  #adopt(accepted: Socket): void {
    const full = this.connections - this.#turnedAway.size >= this.options.maxConnections
    this.#accepted++
    if (this.#destroyed || (full && this.#turnedAway.size >= maxTurnedAway)) {
      accepted.destroy()
      return
    }
    const connection = accept(this, accepted)
    this.watch.add(connection)
    const crowded = !this.#places.take(connection.client)
    if (crowded && this.#turnedAway.size >= maxTurnedAway) connection.destroy()
    else if (full || crowded) this.#turnAway(connection, full)
  }

  #turnAway(connection: ServerConnection, full: boolean): void {
    this.#turnedAway.add(connection)
    if (full) connection.turnAway(503, 'TOO_MANY_CONNECTIONS', 'This server has no connection to spare; try again.')
    else {
      const nextStep = 'Use those that are open, or raise limits.maxConnectionsPerClient.'
      connection.turnAway(429, 'TOO_MANY_CONNECTIONS', `This address has too many connections. ${nextStep}`)
    }
  }

  gone(connection: ServerConnection): void {
    this.watch.delete(connection)
    this.#places.give(connection.client)
    this.#turnedAway.delete(connection)
  }

  async takeLeave(limitMs: number): Promise<void> {
    this.draining = true
    const now = this.#clock.now()
    const giveUpAt = now + limitMs - quietMs
    await this.#farewell.ofThosePresent(Math.min(now + 2 * quietMs, giveUpAt))
    this.hurried = true
    await this.#farewell.ofThosePresent(giveUpAt)
    // Told to close, every client comes back at once by a new connection. Those that come last may stay until the door
    // is closed, so that nobody stands in it at that moment.
    this.draining = false
    await calmAtTheDoor(this.#clock, () => this.#accepted)
  }

  async drain(limitMs: number = Number.POSITIVE_INFINITY): Promise<void> {
    this.draining = true
    this.hurried = false
    this.#listener.close()
    const now = this.#clock.now()
    const giveUpAt = now + limitMs
    await this.#farewell.ofAll(Math.min(now + 2 * quietMs, giveUpAt))
    this.hurried = true
    await this.#farewell.ofAll(giveUpAt)
  }

  destroy(): void {
    this.draining = true
    this.#destroyed = true
    this.#listener.close()
    for (const connection of this.watch.members) connection.destroy()
  }
}

function cannotListen(host: string, port: number, cause: Error): DrawbridgeError {
  const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
  const reason = taken ? 'the port is in use' : cause.message
  const nextStep = taken ? 'Stop the other program, or listen on another port.' : undefined
  return new DrawbridgeError('CANNOT_LISTEN', `Cannot listen on ${host}:${port}: ${reason}.`, { cause, nextStep })
}
