/** What an upstream has refused of one method since it last answered it well. */
interface MethodRest {
  refusals: number
  until: number
  pauseMs: number
}

/** First pause without a Retry-After; doubled each time up to the longest. */
export const firstPauseMs = 1000
export const longestPauseMs = 30_000
/** One refusal may be that of one request alone. */
const enough = 2

/**
 * Methods for which an upstream is asked last for a while, because it refused them again and again with no good answer
 * between. It is never more than an order: what it says to one client's requests must not close it to the others.
 */
export class MethodRests {
  readonly #methods = new Map<string, MethodRest>()

  /** Notes a refusal. `label` is one of few, so the book stays small. */
  refused(label: string, askedMs: number | undefined, now: number): void {
    const rest = this.#methods.get(label) ?? { refusals: 0, until: 0, pauseMs: 0 }
    this.#methods.set(label, rest)
    rest.refusals++
    // What was in flight when it began to refuse tells the same news, not ever worse news.
    if (rest.refusals < enough || rest.until > now) return
    rest.pauseMs = rest.pauseMs === 0 ? firstPauseMs : Math.min(longestPauseMs, 2 * rest.pauseMs)
    rest.until = now + Math.min(longestPauseMs, askedMs ?? rest.pauseMs)
  }

  /** A good answer contradicts whatever was said before. */
  answered(label: string): void {
    if (this.#methods.size > 0) this.#methods.delete(label)
  }

  /** Milliseconds for which the method is left to others; 0: it is not. */
  restOf(label: string, now: number): number {
    if (this.#methods.size === 0) return 0
    return Math.max(0, (this.#methods.get(label)?.until ?? 0) - now)
  }

  forget(): void {
    this.#methods.clear()
  }
}
