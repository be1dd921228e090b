import type { ListenAddress } from '../config/listen.ts'
import { corsDefaults, limitsDefaults } from '../gateway/ingress/options.ts'
import type { GatewayOptions } from '../gateway/options.ts'
import { failsafeDefaults } from '../gateway/policy/options.ts'
import { evmProbeDefaults } from '../gateway/probe/options.ts'
import { routingDefaults, type UpstreamOptions, upstreamDefaults } from '../gateway/upstream/options.ts'
import type { ChainNode } from './demo-chain.ts'

// Faster than the defaults, so that a person need not wait to see something.
const probe = { ...evmProbeDefaults, intervalMs: 500, timeoutMs: 1000, maxLagBlocks: 3 }
const drainMs = 2000

/** A gateway in front of the demo's nodes: the first is the primary, the others are backups. */
export function gatewayOptionsFor(nodes: readonly ChainNode[], listen: ListenAddress): GatewayOptions {
  const upstreams = nodes.map(
    ({ name, url }, at): UpstreamOptions => ({
      ...upstreamDefaults,
      name,
      url,
      ws: url.replace('http:', 'ws:'),
      tier: at === 0 ? 'primary' : 'backup',
    }),
  )
  const network = { name: 'el', kind: 'evm', default: true, upstreams, probe } as const
  return {
    listen,
    networks: [{ ...network, routing: routingDefaults, failsafe: failsafeDefaults }],
    limits: limitsDefaults,
    cors: corsDefaults,
    drainMs,
  }
}
