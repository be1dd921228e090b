import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { pause } from './until.ts'

interface Pair {
  readonly near: Socket
  readonly far: Socket
  /** Bytes sent towards the client so far. */
  sent: number
}

/** A TCP proxy in front of a port on this machine that can delay, stall, cut, reset, truncate and refuse. */
export class TcpLink {
  readonly #target: number
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #port = 0
  #delayMs = 0
  #stalled = false
  #truncateAfter: number | undefined
  #waiting: (() => void)[] = []
  /** Connections accepted so far. */
  connections = 0

  constructor(target: number) {
    this.#target = target
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near))
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Connections open now. */
  get open(): number {
    return this.#pairs.size
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

  /** Closes the listener and resets every connection: new ones are refused. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.reset()
    await closed
  }

  /** Every chunk takes this much longer, each way. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Nothing passes any more, either way; connections stay open and new ones are accepted. */
  stall(): void {
    this.#stalled = true
  }

  /** Ends {@link stall}; what was held back passes. */
  resume(): void {
    this.#stalled = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  /** Ends every connection with a FIN, both ways. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.end(() => near.destroy())
      far.end(() => far.destroy())
    }
  }

  /** Ends every connection with a TCP reset, both ways. */
  reset(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
  }

  /** A connection ends with a FIN once this many bytes went towards its client; undefined ends the script. */
  truncateAfter(bytes: number | undefined): void {
    this.#truncateAfter = bytes
    for (const pair of this.#pairs) pair.sent = 0
  }

  async close(): Promise<void> {
    this.resume()
    if (this.#server.listening) await this.refuse()
  }

  #join(near: Socket): void {
    this.connections++
    const far = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true })
    const pair: Pair = { near, far, sent: 0 }
    this.#pairs.add(pair)
    this.#pass(near, far, (chunk) => far.write(chunk))
    this.#pass(far, near, (chunk) => this.#towardsClient(pair, chunk))
    near.on('close', () => this.#pairs.delete(pair))
  }

  /** Forwards data, the end and a failure of one side, in order even while the delay changes. */
  #pass(from: Socket, to: Socket, write: (chunk: Buffer) => void): void {
    let before: Promise<void> = Promise.resolve()
    const later = (pass: () => void): void => {
      const due = performance.now() + this.#delayMs
      before = before.then(() => this.#letThrough(due)).then(pass)
    }
    from.setNoDelay(true)
    from.on('data', (chunk) => later(() => write(chunk)))
    from.on('end', () => later(() => to.end()))
    from.on('error', () => later(() => to.resetAndDestroy()))
  }

  async #letThrough(due: number): Promise<void> {
    const ms = due - performance.now()
    if (ms > 0) await pause(ms)
    while (this.#stalled) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #towardsClient(pair: Pair, chunk: Buffer): void {
    const room = this.#truncateAfter === undefined ? chunk.length : this.#truncateAfter - pair.sent
    pair.sent += chunk.length
    if (!pair.near.writable) return
    pair.near.write(chunk.subarray(0, Math.max(0, room)))
    if (chunk.length < room || this.#truncateAfter === undefined) return
    pair.near.end()
    pair.far.destroy()
  }
}

/** Starts a link on a port of the system's choice. */
export async function startTcpLink(target: number): Promise<TcpLink> {
  const link = new TcpLink(target)
  await link.accept()
  return link
}
