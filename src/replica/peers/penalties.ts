import type { AuthorityIndex } from '../../consensus/types.ts'
import type { Clock } from '../../core/clock.ts'

interface Offences {
  /** Offences in a row: each doubles the wait. */
  count: number
  until: number
}

/** An offender is as good as new after this many longest waits without another offence. */
const forgivenAfter = 10

/**
 * How long each peer is left alone after it sent what no honest validator sends. An honest peer never comes here: what
 * it sends is lawful, and TLS brings it unbroken. To the others each refusal costs more time than the one before.
 */
export class Penalties {
  readonly #clock: Clock
  readonly #waitMs: { readonly first: number; readonly longest: number }
  readonly #records = new Map<AuthorityIndex, Offences>()

  constructor(clock: Clock, waitMs: { readonly first: number; readonly longest: number }) {
    this.#clock = clock
    this.#waitMs = waitMs
  }

  /** Notes an offence. What was on its way while a wait runs is part of the offence that began it. */
  offended(peer: AuthorityIndex): void {
    const { first, longest } = this.#waitMs
    const now = this.#clock.now()
    const record = this.#records.get(peer) ?? { count: 0, until: now }
    if (record.count > 0 && now < record.until) return
    if (now - record.until > forgivenAfter * longest) record.count = 0
    record.until = now + Math.min(longest, first * 2 ** record.count)
    record.count++
    this.#records.set(peer, record)
  }

  /** Milliseconds for which the peer is still left alone; 0 when it is not. */
  waitMs(peer: AuthorityIndex): number {
    return Math.max(0, (this.#records.get(peer)?.until ?? 0) - this.#clock.now())
  }
}
