import type { Exchange } from '../../http/types.ts'
import type { CorsOptions } from './options.ts'

const preflightSeconds = '600'
const exposed =
  'X-Request-Id, X-Drawbridge-Upstream, X-Drawbridge-Attempts, X-Drawbridge-Head, X-Drawbridge-Class, X-Drawbridge-Stale, Retry-After'

/** Cross-origin rules (Fetch standard, "CORS protocol"). Without configured origins no page of another site gets an answer to read. */
export class Cors {
  readonly #any: boolean
  readonly #origins: ReadonlySet<string>

  constructor(options: CorsOptions) {
    this.#any = options.origins.includes('*')
    this.#origins = new Set(options.origins)
  }

  /** Every page may call. */
  get isOpen(): boolean {
    return this.#any
  }

  /** Whether pages of this origin may call. */
  allows(origin: string): boolean {
    return this.#any || this.#origins.has(origin)
  }

  /** Headers that let the page behind this request read its answer; none when it may not. */
  headersFor(exchange: Exchange): readonly string[] {
    if (this.#origins.size === 0) return []
    const allowed = this.#allowed(exchange.header('origin'))
    if (allowed === undefined) return this.#any ? [] : ['Vary', 'Origin']
    const varying = allowed === '*' ? [] : ['Vary', 'Origin']
    return ['Access-Control-Allow-Origin', allowed, 'Access-Control-Expose-Headers', exposed, ...varying]
  }

  /** Answers a preflight request; false when it is none. */
  answersPreflight(exchange: Exchange): boolean {
    if (exchange.method !== 'OPTIONS' || exchange.header('access-control-request-method') === undefined) return false
    const allowed = this.headersFor(exchange)
    if (!allowed.includes('Access-Control-Allow-Origin')) {
      exchange.respond(403, ['Content-Type', 'text/plain'], 'This origin is not among cors.origins of the gateway.\n')
      return true
    }
    const asked = exchange.header('access-control-request-headers')
    const headers = [...allowed, 'Access-Control-Allow-Methods', 'GET, POST, HEAD, OPTIONS, DELETE, PUT']
    headers.push('Access-Control-Max-Age', preflightSeconds)
    if (asked !== undefined) headers.push('Access-Control-Allow-Headers', asked)
    exchange.respond(204, headers, '')
    return true
  }

  #allowed(origin: string | undefined): string | undefined {
    if (origin === undefined) return undefined
    if (this.#any) return '*'
    return this.#origins.has(origin) ? origin : undefined
  }
}
