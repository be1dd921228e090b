/** Each holds a connection to a node for as long as its client likes. */
const maxPerClient = 128

/** Answers that never end by themselves: event streams. A gateway that shuts down ends them and begins no others. */
export class EndlessAnswers {
  closed = false
  readonly #ends = new Set<() => void>()
  readonly #ofClient = new Map<string, number>()

  /** Whether a client may open one more. */
  hasRoom(client: string): boolean {
    return (this.#ofClient.get(client) ?? 0) < maxPerClient
  }

  /** Keeps `end` until the function returned is called. */
  add(end: () => void, client = ''): () => void {
    this.#ends.add(end)
    this.#count(client, 1)
    let over = false
    return () => {
      this.#ends.delete(end)
      if (!over) this.#count(client, -1)
      over = true
    }
  }

  #count(client: string, step: 1 | -1): void {
    const count = (this.#ofClient.get(client) ?? 0) + step
    if (count > 0) this.#ofClient.set(client, count)
    else this.#ofClient.delete(client)
  }

  /** Ends all of them. */
  close(): void {
    this.closed = true
    const ends = [...this.#ends]
    this.#ends.clear()
    for (const end of ends) end()
  }
}
