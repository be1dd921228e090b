/** What a network speaks. */
export type NetworkKind = 'evm' | 'beacon'
export type Tier = 'primary' | 'backup'
export type Strategy = 'ordered' | 'balanced' | 'roundRobin'

/** One endpoint as configured. */
export interface UpstreamOptions {
  readonly name: string
  /** http or https URL of the JSON-RPC endpoint or the Beacon REST root. */
  readonly url: string
  /** ws or wss URL, where the endpoint has one. */
  readonly ws?: string | undefined
  readonly tier: Tier
  /** Calls per second; the next upstream takes what is over. Absent: no limit. */
  readonly maxRequestsPerSecond?: number | undefined
  /** Calls in a row before another upstream must be used once. Absent: no limit. */
  readonly maxConsecutive?: number | undefined
  /** Calls in flight at once. Absent: no limit. */
  readonly maxConcurrent?: number | undefined
  /** Sent with every call to this upstream. */
  readonly headers: Readonly<Record<string, string>>
  /** Client headers passed on to this upstream although they usually stay here: Authorization, Cookie. Lower case. */
  readonly passHeaders: readonly string[]
  /** Vendor whose error texts this upstream uses; learned from the host where known. */
  readonly vendor?: string | undefined
}

export interface RoutingOptions {
  readonly strategy: Strategy
  /** Answer 503 rather than serve reads from an upstream that is out of service. Absent: false. */
  readonly strict?: boolean | undefined
}

export const upstreamDefaults = {
  tier: 'primary',
  headers: {},
  passHeaders: [],
} as const satisfies Partial<UpstreamOptions>
export const routingDefaults: RoutingOptions = { strategy: 'ordered' }
