import type { GatewayOptions, NetworkOptions } from '../gateway/options.ts'
import { beaconProbeDefaults, evmProbeDefaults, type ProbeOptions } from '../gateway/probe/options.ts'
import type { NetworkKind, UpstreamOptions } from '../gateway/upstream/options.ts'
import { formatListen, type ListenAddress, parseListen } from './listen.ts'
import type { CompleteConfig, Config } from './schema.ts'
import { nameFromUrl } from './url.ts'

type CompleteNetwork = CompleteConfig['networks'][string]

const probeDefaults: Readonly<Record<NetworkKind, ProbeOptions>> = {
  evm: evmProbeDefaults,
  beacon: beaconProbeDefaults,
}

/** The options of the gateway, from a config that the schema has accepted. */
export function toOptions(config: CompleteConfig): GatewayOptions {
  return {
    listen: parseListen(config.listen) as ListenAddress,
    networks: Object.entries(config.networks).map(([name, network]) =>
      toNetwork(name, { ...network, default: network.default ?? isOnlyOne(network, config) }),
    ),
    limits: config.limits,
    cors: config.cors,
    drainMs: config.drainMs,
    drain: config.drain,
    directives: config.directives,
  }
}

/** The config that gives these options: the opposite of {@link toOptions}, with every default written out. */
export function toConfig(options: GatewayOptions): Config {
  const networks = options.networks.map(({ name, ...network }) => [name, withoutAbsent(network)] as const)
  return {
    listen: formatListen(options.listen),
    drainMs: options.drainMs,
    ...(options.drain === undefined ? {} : { drain: options.drain }),
    ...(options.directives === undefined ? {} : { directives: options.directives }),
    limits: options.limits,
    cors: withoutAbsent(options.cors) as Config['cors'],
    networks: Object.fromEntries(networks) as Config['networks'],
  }
}

function isOnlyOne({ kind }: CompleteNetwork, { networks }: CompleteConfig): boolean {
  return Object.values(networks).filter((other) => other.kind === kind).length === 1
}

function toNetwork(name: string, network: CompleteNetwork & { default: boolean }): NetworkOptions {
  const names = upstreamNames(network.upstreams)
  return {
    ...network,
    name,
    upstreams: network.upstreams.map((upstream, at) => toUpstream(names[at]!, upstream)),
    probe: { ...network.probe, maxLagBlocks: network.probe.maxLagBlocks ?? probeDefaults[network.kind].maxLagBlocks },
  }
}

function toUpstream(name: string, upstream: CompleteNetwork['upstreams'][number]): UpstreamOptions {
  const { name: _, passHeaders, ...rest } = upstream
  return { name, ...rest, passHeaders: passHeaders.map((header) => header.toLowerCase()) }
}

/**
 * One name per upstream: the given ones, and host and port for the others, with a number behind where that is taken.
 */
export function upstreamNames(upstreams: readonly { name?: string | undefined; url: string }[]): string[] {
  const taken = new Set(upstreams.flatMap(({ name }) => (name === undefined ? [] : [name.toLowerCase()])))
  return upstreams.map(({ name, url }) => {
    if (name !== undefined) return name
    const base = nameFromUrl(url)
    let unique = base
    for (let count = 2; taken.has(unique.toLowerCase()); count++) unique = `${base}-${count}`
    taken.add(unique.toLowerCase())
    return unique
  })
}

// TOML has no word for an absent value, and an empty table of headers says nothing.
function withoutAbsent(value: object): object {
  const present = Object.entries(value).filter(
    ([key, item]) => item !== undefined && !(key === 'headers' && isEmpty(item)),
  )
  return Object.fromEntries(present.map(([key, item]) => [key, Array.isArray(item) ? item.map(itemOf) : item]))
}

function isEmpty(table: object): boolean {
  return Object.keys(table).length === 0
}

function itemOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null ? withoutAbsent(item) : item
}
