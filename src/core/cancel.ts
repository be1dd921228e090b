/**
 * A cancellation that costs nothing until used. AbortSignal would do, but its event dispatch takes microseconds per
 * call, and every proxied call needs one.
 */
export class Cancellation {
  #cancelled = false
  #listeners: (() => void)[] | undefined

  get cancelled(): boolean {
    return this.#cancelled
  }

  /** Runs `listener` on cancellation, at once when that is past. */
  onCancel(listener: () => void): void {
    if (this.#cancelled) listener()
    else if (this.#listeners === undefined) this.#listeners = [listener]
    else this.#listeners.push(listener)
  }

  cancel(): void {
    if (this.#cancelled) return
    this.#cancelled = true
    const listeners = this.#listeners
    this.#listeners = undefined
    if (listeners !== undefined) for (const listener of listeners) listener()
  }
}
