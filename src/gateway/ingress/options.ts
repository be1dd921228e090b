/** What one client may ask of us. */
export interface LimitsOptions {
  readonly maxBodyBytes: number
  readonly maxBatch: number
  readonly maxConnections: number
  readonly maxConnectionsPerClient: number
  /** Bytes held in memory on behalf of all clients; each may have a quarter of them. */
  readonly maxHeldBytes: number
  /** Token bucket per client address; 0 switches it off. */
  readonly perClient: { readonly requestsPerSecond: number; readonly burst: number }
}

/** Which web pages may call us. Off by default. */
export interface CorsOptions {
  /** Exact origins, or "*". Empty: no CORS header is sent. */
  readonly origins: readonly string[]
  /**
   * Names by which the gateway may be called, besides addresses and localhost; "*" takes any. Absent: only a listener on
   * loopback looks at names.
   */
  readonly hosts?: readonly string[] | undefined
}

/** What clients may ask of the routing beside `X-Drawbridge-Min-Head`, which costs nobody anything. */
export interface DirectivesOptions {
  /** Whether `X-Drawbridge-Upstream` is heard: it goes round health checks and tiers. */
  readonly upstream: boolean
}

export const limitsDefaults: LimitsOptions = {
  maxBodyBytes: 10_000_000,
  maxBatch: 1000,
  maxConnections: 10_000,
  maxConnectionsPerClient: 2500,
  maxHeldBytes: 268_435_456,
  perClient: { requestsPerSecond: 0, burst: 0 },
}
export const directivesDefaults: DirectivesOptions = { upstream: false }
export const corsDefaults: CorsOptions = { origins: [] }
