import type { Environment } from './environment.ts'
import { type LoadedConfig, validateConfig } from './load.ts'
import type { Config } from './schema.ts'

/** The URLs that `drawbridge serve` was given. */
export interface UrlArguments {
  /** Primaries of the network `el`, the preferred one first. */
  readonly el: readonly string[]
  readonly elBackup: readonly string[]
  /** Primaries of the network `cl`. */
  readonly cl: readonly string[]
  readonly listen?: string | undefined
}

/**
 * A config from URLs alone: network `el` for execution clients, network `cl` for beacon nodes, both default networks.
 *
 * @throws ConfigError with everything that is wrong
 */
export function configFromUrls(urls: UrlArguments, environment: Environment): LoadedConfig {
  const el = [...urls.el.map(primary), ...urls.elBackup.map((url) => ({ url, tier: 'backup' as const }))]
  const cl = urls.cl.map(primary)
  const config: Config = {
    ...(urls.listen === undefined ? {} : { listen: urls.listen }),
    networks: {
      ...(el.length === 0 ? {} : { el: { kind: 'evm', default: true, upstreams: el } }),
      ...(cl.length === 0 ? {} : { cl: { kind: 'beacon', default: true, upstreams: cl } }),
    },
  }
  return validateConfig(config, 'The command line', environment)
}

function primary(url: string): { url: string } {
  return { url }
}
