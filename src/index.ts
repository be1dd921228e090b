import type { ConfigExport, ExactExport } from './config/exact.ts'

export type { ConfigExport } from './config/exact.ts'
export { fromConfig } from './config/from-config.ts'
export { ConfigError } from './config/problems.ts'
export type { Config } from './config/schema.ts'
export { type Clock, realClock, type Timer } from './core/clock.ts'
export { DrawbridgeError } from './core/errors.ts'
export { type Log, type LogFields, silentLog } from './core/log.ts'
export { type Random, systemRandom } from './core/random.ts'
export type { NetworkStatus, StatusSnapshot, UpstreamStatus } from './gateway/control/snapshot.ts'
export { createGateway, type Gateway, type GatewaySeams } from './gateway/gateway.ts'
export type { CorsOptions, LimitsOptions } from './gateway/ingress/options.ts'
export type { GatewayOptions, NetworkOptions } from './gateway/options.ts'
export type { BreakerOptions, FailsafeOptions, HedgeOptions } from './gateway/policy/options.ts'
export type { ProbeOptions } from './gateway/probe/options.ts'
export type { NetworkKind, RoutingOptions, Strategy, Tier, UpstreamOptions } from './gateway/upstream/options.ts'

/**
 * Gives a config file in TypeScript its type, in which a key that does not exist is an error; returns what it is given.
 *
 * @example
 * // drawbridge.config.ts
 * import { defineConfig } from 'drawbridge-rpc'
 *
 * export default defineConfig({
 *   networks: { el: { kind: 'evm', default: true, upstreams: [{ url: 'http://10.0.0.1:8545' }] } },
 * })
 */
export function defineConfig<const T extends ConfigExport>(config: T & ExactExport<T>): T {
  return config
}
