import type { Clock } from '../core/clock.ts'
import { clientDefaults, createHttpClient } from '../http/client.ts'
import type { HttpClient } from '../http/types.ts'
import type { Call } from '../rpc/call.ts'
import type { ProbeLink } from './probe/ask-http.ts'
import { type Endpoint, endpointOf } from './transport/endpoint.ts'
import type { Carrier } from './upstream/carrier.ts'
import type { NetworkState, UpstreamState } from './upstream/state.ts'

/** How one upstream is reached. */
export interface Link {
  readonly endpoint: Endpoint
  readonly client: HttpClient
  /** Connections of their own for probes, which may never wait behind calls. */
  readonly probes: HttpClient
}

/** Probes in flight at one upstream: a round asks for a few things at once, and may overlap with the next. */
const probeConnections = 16

export function linksOf(state: NetworkState, clock: Clock, userAgent: string): ReadonlyMap<UpstreamState, Link> {
  return new Map(
    state.upstreams.map((upstream) => {
      const endpoint = endpointOf(upstream.options, userAgent)
      const { origin } = endpoint
      const client = createHttpClient({ ...clientDefaults, origin }, clock)
      const probes = createHttpClient({ ...clientDefaults, maxConnections: probeConnections, origin }, clock)
      return [upstream, { endpoint, client, probes }]
    }),
  )
}

export function probeLinksOf(links: ReadonlyMap<UpstreamState, Link>): ReadonlyMap<UpstreamState, ProbeLink> {
  return new Map([...links].map(([upstream, { endpoint, probes }]) => [upstream, { endpoint, client: probes }]))
}

export function carriersOf<C extends Call>(
  links: ReadonlyMap<UpstreamState, Link>,
  make: (link: Link) => Carrier<C>,
): Carrier<C> {
  const carriers = [...links.values()].map(make)
  return (call, upstream, receiver) => carriers[upstream.index]!(call, upstream, receiver)
}
