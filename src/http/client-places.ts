/** Counts the connections of each client address. */
export class ClientPlaces {
  readonly #most: number
  readonly #taken = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Addresses with a connection. */
  get clients(): number {
    return this.#taken.size
  }

  /** Counts one more connection; false when it is one too many. Each is to be given back. */
  take(address: string): boolean {
    const taken = (this.#taken.get(address) ?? 0) + 1
    this.#taken.set(address, taken)
    return taken <= this.#most
  }

  give(address: string): void {
    const left = (this.#taken.get(address) ?? 0) - 1
    if (left > 0) this.#taken.set(address, left)
    else this.#taken.delete(address)
  }
}
