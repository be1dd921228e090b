/** Whose bound stood in the way: the share of one client, or the whole. */
export type Shortage = 'client' | 'all'

/**
 * Bytes that are held for clients: requests that are being gathered, answers that wait to be read. Bounded as a whole,
 * and for each client, so that one of them cannot spend what the others need.
 *
 * @example
 * const account = new ByteAccount(268_435_456)
 * const holding = account.open(exchange.client)
 * if (!holding.take(chunk.length)) refuse(holding.shortage)
 * holding.release()
 */
export class ByteAccount {
  readonly limit: number
  /** What one client may hold. */
  readonly share: number
  #held = 0
  readonly #byClient = new Map<string, number>()

  constructor(limit: number, share: number = Math.ceil(limit / 4)) {
    this.limit = limit
    this.share = Math.min(limit, share)
  }

  get held(): number {
    return this.#held
  }

  /** Clients for whom anything is held. */
  get clients(): number {
    return this.#byClient.size
  }

  heldFor(client: string): number {
    return this.#byClient.get(client) ?? 0
  }

  /** What would stand in the way of so many bytes more; undefined when there is room. */
  shortageOf(client: string, bytes: number): Shortage | undefined {
    if (this.heldFor(client) + bytes > this.share) return 'client'
    return this.#held + bytes > this.limit ? 'all' : undefined
  }

  /** Books bytes on a client; false, and nothing booked, when there is no room for them. */
  take(client: string, bytes: number): boolean {
    if (bytes <= 0) return true
    if (this.shortageOf(client, bytes) !== undefined) return false
    this.note(client, bytes)
    return true
  }

  /** Books what is held already, whether there is room for it or not: who takes next feels it. */
  note(client: string, bytes: number): void {
    this.#held += bytes
    this.#byClient.set(client, this.heldFor(client) + bytes)
  }

  /** Gives bytes back that {@link take} or {@link note} has booked. */
  give(client: string, bytes: number): void {
    if (bytes <= 0) return
    this.#held -= bytes
    const left = this.heldFor(client) - bytes
    // An address of the past must cost nothing.
    if (left > 0) this.#byClient.set(client, left)
    else this.#byClient.delete(client)
  }

  /** Begins to hold bytes for one purpose of a client. Costs nothing until the first of them. */
  open(client: string): Holding {
    return new Holding(this, client)
  }
}

/** What is held for one purpose. It knows how much that is, so that it can be given back from any ending, once or twice. */
export class Holding {
  bytes = 0
  /** Why the last {@link take} that failed has failed. */
  shortage: Shortage | undefined
  readonly client: string
  readonly #account: ByteAccount
  #released = false

  constructor(account: ByteAccount, client: string) {
    this.#account = account
    this.client = client
  }

  get released(): boolean {
    return this.#released
  }

  /** Holds so many bytes more; false when there is no room for them. After {@link release} nothing is booked any more. */
  take(bytes: number): boolean {
    if (this.#released) return true
    if (this.#account.take(this.client, bytes)) {
      this.bytes += Math.max(0, bytes)
      return true
    }
    this.shortage = this.#account.shortageOf(this.client, bytes)
    return false
  }

  /** Says how much is held now, which is so already. */
  set(bytes: number): void {
    if (bytes < this.bytes) this.give(this.bytes - bytes)
    else if (bytes > this.bytes && !this.#released) {
      this.#account.note(this.client, bytes - this.bytes)
      this.bytes = bytes
    }
  }

  /** Gives a part back; never more than is held. */
  give(bytes: number): void {
    const part = Math.min(Math.max(0, bytes), this.bytes)
    this.bytes -= part
    this.#account.give(this.client, part)
  }

  /** Gives everything back, for good. */
  release(): void {
    this.#released = true
    this.give(this.bytes)
  }
}
