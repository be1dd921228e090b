/** Answers that never end by themselves: event streams. A gateway that shuts down ends them and begins no others. */
export class EndlessAnswers {
  closed = false
  readonly #ends = new Set<() => void>()

  /** Keeps `end` until the function returned is called. */
  add(end: () => void): () => void {
    this.#ends.add(end)
    return () => void this.#ends.delete(end)
  }

  /** Ends all of them. */
  close(): void {
    this.closed = true
    const ends = [...this.#ends]
    this.#ends.clear()
    for (const end of ends) end()
  }
}
