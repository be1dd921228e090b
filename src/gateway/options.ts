import type { CorsOptions, DirectivesOptions, LimitsOptions } from './ingress/options.ts'
import type { FailsafeOptions } from './policy/options.ts'
import type { ProbeOptions } from './probe/options.ts'
import type { NetworkKind, RoutingOptions, UpstreamOptions } from './upstream/options.ts'

/** One chain as we serve it. */
export interface NetworkOptions {
  /** Name and path: `el` answers on `/el`. */
  readonly name: string
  readonly kind: NetworkKind
  /** Learned from the upstreams when absent; an upstream that says otherwise is kept out. */
  readonly chainId?: number | undefined
  /** Also answers on `/` (evm) or `/eth/…` (beacon). */
  readonly default: boolean
  readonly upstreams: readonly UpstreamOptions[]
  readonly probe: ProbeOptions
  readonly routing: RoutingOptions
  readonly failsafe: FailsafeOptions
}

/** Everything the gate needs to run; `config/` makes it from a file, a caller may make it by hand. */
export interface GatewayOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly networks: readonly NetworkOptions[]
  readonly limits: LimitsOptions
  readonly cors: CorsOptions
  /** How long calls in flight may take to finish after SIGTERM. */
  readonly drainMs: number
  readonly drain?: DrainOptions | undefined
  readonly directives?: DirectivesOptions | undefined
}

/** How a gateway that is told to stop says so. */
export interface DrainOptions {
  /** How long it serves as before while `/ready` is 503, for whoever spreads the load to turn away. */
  readonly noticeMs: number
}

export const gatewayDefaults = {
  listen: { host: '127.0.0.1', port: 8080 },
  drainMs: 8000,
  drain: { noticeMs: 0 },
} as const satisfies Partial<GatewayOptions>
