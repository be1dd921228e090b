/** Waiters of a network at most; each client may have three for each place that is left. */
const defaultPlaces = 8192
const greed = 3
/** Clients that are asked when one place has become free. */
const askedAtOnce = 32

/** Begins what waits; false while it has to go on waiting. */
export type Waiter = () => boolean

/** Those who wait for a place: each client's in the order in which they came, the clients in turns. */
export class WaitingLine {
  size = 0
  readonly #places: number
  readonly #ofClient = new Map<string, Waiter[]>()
  /** Who is asked may free a place while it looks for one. */
  #asking = false

  constructor(places: number = defaultPlaces) {
    this.#places = places
  }

  /** False when there is no place even to wait. */
  add(client: string, waiter: Waiter): boolean {
    const own = this.#ofClient.get(client)
    if ((own?.length ?? 0) >= greed * (this.#places - this.size)) return false
    this.size++
    if (own === undefined) this.#ofClient.set(client, [waiter])
    else own.push(waiter)
    return true
  }

  /** A place has become free. */
  moveUp(): void {
    this.#askEach(Math.min(askedAtOnce, this.#ofClient.size))
  }

  /** Anything may have changed: asks everybody whose turn may have come. */
  moveAll(): void {
    while (this.size > 0 && this.#askEach(this.#ofClient.size));
  }

  /** Whether any of so many clients had its turn. Who had is asked last the next time. */
  #askEach(count: number): boolean {
    if (this.#asking) return false
    this.#asking = true
    let moved = false
    for (const [client, waiters] of [...this.#ofClient].slice(0, count)) {
      if (!waiters[0]!()) continue
      moved = true
      this.size--
      waiters.shift()
      this.#ofClient.delete(client)
      if (waiters.length > 0) this.#ofClient.set(client, waiters)
    }
    this.#asking = false
    return moved
  }
}
