/** What every error of ours carries besides its sentence. */
export interface ErrorDetails {
  /** What the reader can do about it, as a sentence. */
  readonly nextStep?: string | undefined
  readonly cause?: unknown
}

/**
 * The base of every error that Drawbridge raises: a stable code, a sentence that says what happened, and a next step.
 * Never put a URL with credentials, a key or a header value into either text.
 */
export class DrawbridgeError extends Error {
  readonly code: string
  readonly nextStep: string | undefined

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.nextStep = details.nextStep
  }

  /** The sentence and the next step, as a person reads them. */
  get explained(): string {
    return this.nextStep === undefined ? this.message : `${this.message} ${this.nextStep}`
  }
}

/** A broken invariant of ours: a bug, never the peer's or the user's mistake. Carries the values that prove it. */
export class InvariantError extends DrawbridgeError {
  constructor(message: string, values?: Record<string, unknown>) {
    const seen =
      values === undefined ? '' : ` (${JSON.stringify(values, (_, v) => (typeof v === 'bigint' ? `${v}` : v))})`
    super('INVARIANT_BROKEN', `${message}${seen}`, { nextStep: 'This is a bug in Drawbridge: please report it.' })
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
