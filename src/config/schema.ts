import { z } from 'zod'
import { corsDefaults, directivesDefaults, limitsDefaults } from '../gateway/ingress/options.ts'
import { gatewayDefaults } from '../gateway/options.ts'
import { failsafeDefaults } from '../gateway/policy/options.ts'
import { beaconProbeDefaults, evmProbeDefaults } from '../gateway/probe/options.ts'
import { routingDefaults, upstreamDefaults } from '../gateway/upstream/options.ts'
import * as field from './fields.ts'
import { formatListen } from './listen.ts'

const upstream = z.strictObject({
  name: field.upstreamName
    .describe('Name in logs, metrics and headers, unique in its network. Host and port of the URL when left out.')
    .optional(),
  url: field.url('http').describe('http or https URL of the JSON-RPC endpoint, or the root of the Beacon API.'),
  ws: field.url('ws').describe('ws or wss URL of the same upstream, where it has one. Only for kind "evm".').optional(),
  tier: field
    .oneOf(['primary', 'backup'])
    .describe('A backup is used only while no primary is eligible.')
    .default(upstreamDefaults.tier),
  maxRequestsPerSecond: field
    .number(0.001, 1e9)
    .describe('Calls per second at most; the next upstream takes what is over. No limit when left out.')
    .optional(),
  maxConsecutive: field
    .whole(1)
    .describe('Calls in a row, then another upstream must be used once. No limit when left out.')
    .optional(),
  maxConcurrent: field
    .whole(1)
    .describe('Calls in flight at once, a client having three for each that is free. No limit when left out.')
    .optional(),
  headers: field.headers.describe('Headers sent with every call to this upstream.').default(upstreamDefaults.headers),
  passHeaders: field.headerNames
    .describe('Headers of the client passed on to this upstream although they usually stay here.')
    .default([...upstreamDefaults.passHeaders]),
  vendor: field.vendorName
    .describe('Vendor whose error texts this upstream uses. Learned from the host when left out.')
    .optional(),
})

const probe = z.strictObject({
  intervalMs: field
    .milliseconds()
    .describe('Time between two probes of one upstream.')
    .default(evmProbeDefaults.intervalMs),
  timeoutMs: field.milliseconds().describe('Longest wait for one probe.').default(evmProbeDefaults.timeoutMs),
  maxLagBlocks: field
    .whole(0)
    .describe(
      `Distance to the network head that still passes. ${evmProbeDefaults.maxLagBlocks} blocks, or ${beaconProbeDefaults.maxLagBlocks} slots of a beacon network, when left out.`,
    )
    .optional(),
  maxFailures: field
    .whole(1)
    .describe('Failed probes in a row before an upstream is unhealthy.')
    .default(evmProbeDefaults.maxFailures),
})

const routing = z.strictObject({
  strategy: field
    .oneOf(['ordered', 'balanced', 'roundRobin'])
    .describe('ordered: the first eligible one of the tier. balanced: by score. roundRobin: in turn.')
    .default(routingDefaults.strategy),
  strict: field.flag
    .describe(
      'Answers 503 rather than serve reads from an upstream that lags or is otherwise out. false when left out.',
    )
    .optional(),
})

const hedge = z.strictObject({
  afterQuantile: field
    .number(0.01, 1)
    .describe('A second attempt starts when the first is slower than this quantile of its method. 1: never.')
    .default(failsafeDefaults.hedge.afterQuantile),
  maxExtraPercent: field
    .number(0, 100)
    .describe('Hedges per hundred calls at most.')
    .default(failsafeDefaults.hedge.maxExtraPercent),
})

const breaker = z.strictObject({
  failureRatio: field
    .number(0.01, 2)
    .describe('Share of failed attempts that opens the breaker. Above 1: never.')
    .default(failsafeDefaults.breaker.failureRatio),
  minimumCalls: field
    .whole(1)
    .describe('Attempts in the window below which the breaker stays closed.')
    .default(failsafeDefaults.breaker.minimumCalls),
  openMs: field
    .milliseconds()
    .describe('Time until a single trial may close the breaker again.')
    .default(failsafeDefaults.breaker.openMs),
})

const failsafe = z.strictObject({
  timeoutMs: field
    .milliseconds()
    .describe('Deadline of a whole call, retries included.')
    .default(failsafeDefaults.timeoutMs),
  maxRetries: field
    .whole(0, 100)
    .describe('Further attempts after the first, each on another upstream.')
    .default(failsafeDefaults.maxRetries),
  stallMs: field
    .milliseconds()
    .describe('Longest time without progress of an answer that already flows to the client; it is then broken off.')
    .default(failsafeDefaults.stallMs),
  produceMs: field
    .milliseconds()
    .describe('How long a beacon node may take to produce a block before another one is asked as well.')
    .default(failsafeDefaults.produceMs),
  hedge: hedge.describe('A second attempt beside a slow first one.').prefault({}),
  breaker: breaker.describe('Leaves a failing upstream alone for a while.').prefault({}),
})

const network = z.strictObject({
  kind: field.oneOf(['evm', 'beacon']).describe('What the network speaks: JSON-RPC, or the Beacon API.'),
  chainId: field
    .whole(1)
    .describe('Learned from the upstreams when left out. An upstream of another chain is kept out.')
    .optional(),
  default: field.flag
    .describe(
      'Also answers on "/" (evm) or "/eth/…" (beacon). One network of each kind at most; the only one of its kind does when this is left out.',
    )
    .optional(),
  upstreams: z
    .array(upstream, { error: 'write a list of tables, each with at least a url' })
    .min(1, { error: 'write at least one upstream with a url' })
    .describe('The endpoints behind this network, the preferred one first.'),
  probe: probe.describe('How upstreams are watched.').prefault({}),
  routing: routing.describe('Which eligible upstream takes a call.').prefault({}),
  failsafe: failsafe.describe('What is done when an upstream does not answer well.').prefault({}),
})

const limits = z.strictObject({
  maxBodyBytes: field.whole(1).describe('Longest request body, in bytes.').default(limitsDefaults.maxBodyBytes),
  maxBatch: field.whole(1).describe('Calls in one JSON-RPC batch.').default(limitsDefaults.maxBatch),
  maxConnections: field.whole(1).describe('Client connections at once.').default(limitsDefaults.maxConnections),
  maxConnectionsPerClient: field
    .whole(1)
    .describe('Connections at once from one client address; of IPv6, from one /64.')
    .default(limitsDefaults.maxConnectionsPerClient),
  maxHeldBytes: field
    .whole(1_048_576)
    .describe('Bytes held in memory on behalf of all clients; each may have a quarter of them.')
    .default(limitsDefaults.maxHeldBytes),
  perClient: z
    .strictObject({
      requestsPerSecond: field
        .number(0, 1e9)
        .describe('Calls per second of one client address; of IPv6, of one /64. 0: no limit.')
        .default(limitsDefaults.perClient.requestsPerSecond),
      burst: field
        .whole(0)
        .describe('Calls that may come at once before the rate counts; never less than one second of it.')
        .default(limitsDefaults.perClient.burst),
    })
    .describe('A token bucket per client address.')
    .prefault({}),
})

const cors = z.strictObject({
  origins: field.origins
    .describe('Origins of the web pages that may call, or "*". Empty: none.')
    .default([...corsDefaults.origins]),
  hosts: field.hostNames
    .describe('Names by which the gateway may be called, besides IP addresses and localhost; "*" takes any.')
    .optional(),
})

const directives = z.strictObject({
  upstream: field.flag
    .describe('Whether a client may choose its upstream, with the request header X-Drawbridge-Upstream.')
    .default(directivesDefaults.upstream),
})

/** The one schema behind every format. A field's message is what to write instead; see `issues.ts`. */
export const configSchema = z.strictObject({
  listen: field.listenAddress
    .describe('Address to listen on, as host:port.')
    .default(formatListen(gatewayDefaults.listen)),
  drainMs: field
    .milliseconds(0)
    .describe('How long calls in flight may take to finish after SIGTERM.')
    .default(gatewayDefaults.drainMs),
  drain: z
    .strictObject({
      noticeMs: field
        .milliseconds(0)
        .describe('How long it serves on after SIGTERM with /ready at 503, so that a balancer can turn away.')
        .default(gatewayDefaults.drain.noticeMs),
    })
    .describe('How it says that it stops.')
    .prefault({}),
  networks: z
    .record(z.string(), network, { error: 'write a table with one table per network, for example [networks.el]' })
    .describe('Networks by name; the name is the path: networks.el answers on /el.'),
  limits: limits.describe('What one client may ask.').prefault({}),
  directives: directives.describe('What clients may ask of the routing.').prefault({}),
  cors: cors.describe('Which web pages may call.').prefault({}),
})

/** A config as a file holds it: everything that has a default may be left out. */
export type Config = z.input<typeof configSchema>

/** A config with every default in its place. */
export type CompleteConfig = z.output<typeof configSchema>
