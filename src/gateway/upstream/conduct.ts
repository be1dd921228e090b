/** A share is made of about so many attempts: every further one takes weight from those before it. */
const memory = 40
/** Without new attempts what was seen fades, too. */
const halfLifeMs = 60_000
/** Fewer bad attempts than this are bad luck, whatever their share. */
const enoughBad = 3.5
/** What is broken at once costs its client little, so that it takes more of it: the breaker has its turn as well. */
const brokenWeight = 0.6
const badShare = 0.12
/** A peer that does badly as well is no better: an upstream must do so many times worse to be passed over. */
const clearlyWorse = 2
/** Attempts from which a method has a verdict of its own. */
const enoughOfItsOwn = 8
/** What nothing was heard of for so long is forgotten. */
const forgottenMs = 120_000
/** Chance at which a row of good answers could be mere luck at the share that was seen. */
const luck = 0.03
const shortestRow = 4
const longestRow = 16

/** How an attempt was bad: its client had to wait, or it failed at once. */
export type Trouble = 'late' | 'broken'

/** How one method, or one class of methods, fares at one upstream: the share of attempts that were late, mute or broken. */
export class Conduct {
  #good = 0
  #bad = 0
  #evidence = 0
  #notedAt: number
  #lastGoodAt = Number.NEGATIVE_INFINITY
  #degradedAt: number | undefined
  #row = 0
  #neededRow = 0
  /** Calls since the last one that was let through to see whether it is well again, and when that was. */
  trickleCalls = 0
  trickledAt: number | undefined

  constructor(now: number) {
    this.#notedAt = now
  }

  get degraded(): boolean {
    return this.#degradedAt !== undefined
  }

  /** Share of bad attempts among the last ones; 0 without any. */
  get share(): number {
    const all = this.#good + this.#bad
    return all === 0 ? 0 : this.#bad / all
  }

  /** Whether enough is known, and lately enough, to speak for itself. */
  hasOwnVerdict(since: number): boolean {
    return this.degraded || (this.#good + this.#bad >= enoughOfItsOwn && this.#lastGoodAt >= since)
  }

  /** Moment at which it was found degraded; undefined while it is not, or when that is long past and nothing came since. */
  degradedSince(now: number): number | undefined {
    return now - this.#notedAt > forgottenMs ? undefined : this.#degradedAt
  }

  /** Notes a good attempt; true when it was the last one missing to be well again. */
  noteGood(now: number): boolean {
    this.#fade(now)
    this.#good++
    this.#lastGoodAt = now
    if (this.#degradedAt === undefined) return false
    this.#row++
    if (this.#row < this.#neededRow) return false
    this.acquit()
    return true
  }

  /**
   * Notes a bad attempt; true when it makes the upstream degraded in this.
   *
   * @param peerShare share of bad attempts at the best peer; infinite when there is no peer
   */
  noteBad(how: Trouble, now: number, peerShare: number): boolean {
    this.#fade(now)
    this.#bad++
    this.#evidence += how === 'broken' ? brokenWeight : 1
    this.#row = 0
    if (this.#degradedAt !== undefined) {
      this.#neededRow = Math.max(this.#neededRow, neededRow(this.share))
      return false
    }
    if (this.#evidence < enoughBad || this.share < badShare || this.isAlike(peerShare)) return false
    this.#degradedAt = now
    this.#neededRow = neededRow(this.share)
    return true
  }

  /** Whether a peer with this share does hardly better. */
  isAlike(peerShare: number): boolean {
    return this.share < clearlyWorse * peerShare
  }

  /** Well again: what was bad is forgotten, what is good speaks for itself. */
  acquit(): void {
    this.#degradedAt = undefined
    this.#row = 0
    this.#good = enoughOfItsOwn
    this.#bad = 0
    this.#evidence = 0
    this.trickleCalls = 0
    this.trickledAt = undefined
  }

  /** The upstream is well again in another respect: little is missing here. */
  relent(): void {
    this.#neededRow = Math.min(this.#neededRow, this.#row + 2)
  }

  #fade(now: number): void {
    const idleMs = now - this.#notedAt
    let factor = this.#good + this.#bad > memory ? 1 - 1 / memory : 1
    if (idleMs > 1000) {
      factor *= 0.5 ** (idleMs / halfLifeMs)
      this.#notedAt = now
    }
    this.#good *= factor
    this.#bad *= factor
    this.#evidence *= factor
  }
}

/** Good answers in a row that would hardly come by chance if so large a share were still bad. */
function neededRow(share: number): number {
  const row = share >= 1 ? 0 : Math.log(luck) / Math.log(1 - share)
  return Math.min(longestRow, Math.max(shortestRow, Math.ceil(row)))
}
