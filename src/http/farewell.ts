import { afterPendingInput, type Clock, sleep } from '../core/clock.ts'

/** A connection that is to be closed without losing a request that is on its way to us. */
export interface Leaver {
  /** No request is being received or answered. */
  readonly idle: boolean
  /** Our end is closed already, the other one's is awaited. */
  readonly closing: boolean
  close(): void
  destroy(): void
}

/**
 * How long a connection without a request is given. One in steady use sends its next request meanwhile, and its answer
 * says `Connection: close`; one that stays quiet is closed, for a request that crosses the FIN is lost.
 */
export const quietMs = 700
const lookEveryMs = 10
const calmMs = 20
const mostLooks = 15
/** A pass of the event loop that took longer may have let a connection in behind its back. */
const shortPassMs = 0.2
const mostPasses = 500

/** Takes leave of connections: each is told with its next answer, or closed once it has been quiet for a while. */
export class Farewell {
  readonly #clock: Clock
  readonly #members: ReadonlySet<Leaver>
  readonly #quietSince = new WeakMap<Leaver, number>()

  constructor(clock: Clock, members: ReadonlySet<Leaver>) {
    this.#clock = clock
    this.#members = members
  }

  /** Resolves when all who are here now have gone, or at `giveUpAt`. Who comes meanwhile is not waited for. */
  async ofThosePresent(giveUpAt: number): Promise<void> {
    const left = new Set(this.#members)
    await this.#lookUntil(() => {
      for (const one of left) if (!this.#members.has(one)) left.delete(one)
      return left.size === 0
    }, giveUpAt)
  }

  /** Resolves when nobody is left, or at `giveUpAt`. */
  ofAll(giveUpAt: number): Promise<void> {
    return this.#lookUntil(() => this.#members.size === 0, giveUpAt)
  }

  async #lookUntil(done: () => boolean, giveUpAt: number): Promise<void> {
    this.#look()
    while (!done() && this.#clock.now() < giveUpAt) {
      await sleep(this.#clock, lookEveryMs)
      // A request that has arrived but was not read yet must not find its connection closed.
      await afterPendingInput()
      this.#look()
    }
  }

  #look(): void {
    const now = this.#clock.now()
    for (const one of this.#members) {
      if (one.idle || one.closing) this.#lookAt(one, now)
      else this.#quietSince.delete(one)
    }
  }

  #lookAt(one: Leaver, now: number): void {
    const since = this.#quietSince.get(one) ?? now
    this.#quietSince.set(one, since)
    if (now - since < quietMs) return
    this.#quietSince.delete(one)
    if (one.closing) one.destroy()
    else one.close()
  }
}

/**
 * Resolves when nobody has come for a moment: connections that the system has accepted but we have not are reset when
 * their listener closes. `count` is the number of those that we have.
 */
export async function calmAtTheDoor(clock: Clock, count: () => number): Promise<void> {
  for (let looks = 0; looks < mostLooks; looks++) {
    const before = count()
    await sleep(clock, calmMs)
    if (count() === before) break
  }
  for (let pass = 0; pass < mostPasses; pass++) {
    const before = count()
    const began = clock.now()
    await afterPendingInput()
    if (pass > 0 && count() === before && clock.now() - began < shortPassMs) return
  }
}
