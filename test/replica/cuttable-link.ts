import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP relay that can be cut: open connections stall or break, new ones are refused until it is mended. */
export class CuttableLink {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #cut = false

  private constructor(targetPort: number) {
    this.#server = createServer((socket) => this.#relay(socket, targetPort))
  }

  static async open(targetPort: number): Promise<CuttableLink> {
    const link = new CuttableLink(targetPort)
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve))
    return link
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** `silently`: nobody is told, bytes just stop; otherwise connections break. */
  cut(silently: boolean): void {
    this.#cut = true
    for (const socket of this.#sockets) {
      if (silently) socket.pause()
      else socket.destroy()
    }
  }

  mend(): void {
    this.#cut = false
    for (const socket of this.#sockets) socket.resume()
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #relay(inner: Socket, targetPort: number): void {
    const outer = connect(targetPort, '127.0.0.1')
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('data', (chunk) => to.write(chunk))
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
    if (this.#cut) inner.destroy()
  }
}
