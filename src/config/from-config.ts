import type { GatewayOptions } from '../gateway/options.ts'
import type { Environment } from './environment.ts'
import type { Exact } from './exact.ts'
import { validateConfig } from './load.ts'
import type { Config } from './schema.ts'

/**
 * The options of a gateway from a config as a file holds it: validated, with every default filled in and `${NAME}` taken
 * from the environment.
 *
 * @throws ConfigError with everything that is wrong
 *
 * @example
 * const gateway = createGateway(fromConfig({ networks: { el: { kind: 'evm', upstreams: [{ url: 'http://h:8545' }] } } }))
 */
export function fromConfig<const T extends Config>(
  config: T & Exact<T, Config>,
  environment: Environment = process.env,
): GatewayOptions {
  return validateConfig(config, 'The config', environment).options
}
