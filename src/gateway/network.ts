import type { ByteAccount } from '../core/byte-account.ts'
import type { Clock } from '../core/clock.ts'
import { coarseClock } from '../core/coarse-clock.ts'
import { clientDefaults, createHttpClient } from '../http/client.ts'
import type { HttpClient } from '../http/types.ts'
import { type Call, compose, type Handler, type Policy, type RestCall, type RpcCall } from '../rpc/call.ts'
import { judgeAnswer } from './beacon/judge.ts'
import { publish } from './beacon/publish.ts'
import type { Discretion } from './discretion.ts'
import { HealthNews } from './health-news.ts'
import type { Instruments } from './instruments.ts'
import type { NetworkOptions } from './options.ts'
import { deadline } from './policy/deadline.ts'
import { Everyone } from './policy/everyone.ts'
import { filters } from './policy/filters.ts'
import { guarded } from './policy/guarded.ts'
import { Hedging } from './policy/hedging.ts'
import { measured } from './policy/measured.ts'
import type { FailsafeOptions } from './policy/options.ts'
import { race } from './policy/race.ts'
import { rawTransaction } from './policy/raw-transaction.ts'
import { retry } from './policy/retry.ts'
import { splitLogs } from './policy/split-logs.ts'
import { told } from './policy/told.ts'
import { warmUp } from './policy/warm-up.ts'
import { type Probe, ProbeSchedule } from './probe/ask.ts'
import { askOverHttp, type ProbeLink } from './probe/ask-http.ts'
import { beaconProbe } from './probe/beacon.ts'
import { evmProbe } from './probe/evm.ts'
import { Watch } from './probe/watch.ts'
import type { GatewaySeams } from './seams.ts'
import { type Endpoint, endpointOf } from './transport/endpoint.ts'
import { restOverHttp } from './transport/rest.ts'
import { rpcOverHttp } from './transport/rpc.ts'
import type { Carrier } from './upstream/carrier.ts'
import { Degradation } from './upstream/degradation.ts'
import { learning } from './upstream/learn.ts'
import { ownAnswer, Pool, reconsider } from './upstream/pool.ts'
import { type NetworkState, newNetwork, type UpstreamState } from './upstream/state.ts'

/** One network, served. */
export type Network = EvmNetwork | BeaconNetwork

export interface EvmNetwork extends NetworkBase<RpcCall> {
  readonly kind: 'evm'
}

export interface BeaconNetwork extends NetworkBase<RestCall> {
  readonly kind: 'beacon'
}

interface NetworkBase<C extends Call> {
  readonly options: NetworkOptions
  readonly state: NetworkState
  /** From a call of a client to its outcome, through all policies. */
  readonly handler: Handler<C>
  start(): void
  close(): void
}

/** What a network needs from the world and from its gateway. */
export interface NetworkSeams extends GatewaySeams {
  readonly discretion: Discretion
  /** What may be held on behalf of clients. */
  readonly held: ByteAccount
}

/** What tells one kind of network from another. */
interface Dialect<C extends Call> {
  probe(schedule: ProbeSchedule, options: NetworkOptions, discretion: Discretion): Probe
  carrier(link: Link, seams: NetworkSeams, failsafe: FailsafeOptions): Carrier<C>
  /** Policies that only this kind has, between those around the whole call and the failsafe ones. */
  special(state: NetworkState, pool: Pool<C>, seams: NetworkSeams): Special<C>
}

interface Special<C extends Call> {
  readonly policies: readonly Policy<C>[]
  /** Told of every probe and of every change of service. */
  checked?(upstream: UpstreamState, failed: boolean): void
}

const evm: Dialect<RpcCall> = {
  probe: (schedule, _, { text }) => evmProbe(schedule, text),
  carrier: (link, { clock, held }, { stallMs }) => rpcOverHttp(link.client, link.endpoint, clock, stallMs, held),
  special: (state, pool, seams) => ({
    policies: [
      told(state, seams.clock, seams.discretion.idle ? undefined : seams.discretion.bytes),
      rawTransaction(),
      splitLogs(state),
      filters(state, { attemptAt: (call, upstream) => pool.attemptWithin(call, upstream) }, seams),
    ],
  }),
}

const beacon: Dialect<RestCall> = {
  probe: (schedule, options, { text }) => beaconProbe(schedule, options.chainId !== undefined, text),
  carrier: (link, { clock, held }, { stallMs }) =>
    restOverHttp(link.client, link.endpoint, clock, judgeAnswer, stallMs, held),
  special: (network, pool, { clock }) => {
    const everyone = new Everyone({ network, pool, clock })
    return { policies: [publish(), everyone.policy], checked: (upstream, failed) => everyone.checked(upstream, failed) }
  },
}

/** Builds everything between the doors and the upstreams of one network. */
export function createNetwork(options: NetworkOptions, seams: NetworkSeams, instruments: Instruments): Network {
  if (options.kind === 'evm') return { kind: 'evm', ...assemble(options, seams, instruments, evm) }
  return { kind: 'beacon', ...assemble(options, seams, instruments, beacon) }
}

function assemble<C extends Call>(
  options: NetworkOptions,
  seams: NetworkSeams,
  instruments: Instruments,
  dialect: Dialect<C>,
): NetworkBase<C> {
  const { clock, random, log } = seams
  const { failsafe, probe } = options
  const state = stateOf(options, clock)
  const counted = instruments.forNetwork(state, () => clock.now())
  const news = new HealthNews(state, log, counted)
  const links = linksOf(state, clock, `drawbridge/${seams.version}`)
  const hedging = new Hedging(failsafe.hedge, state, clock)
  // Every call sets timers that almost never fire.
  const callTimers = coarseClock(clock, 5)

  const learner = learning({
    network: state,
    breaker: failsafe.breaker,
    clock,
    disturbed: (upstream) => disturbed(upstream),
    breakerMoved: (upstream) => news.breakerMoved(upstream),
  })
  const degradation = new Degradation(
    state,
    clock,
    (upstream, degraded) => news.degraded(upstream, degraded, clock.now()),
    (upstream) => reconsider(upstream, clock.now()),
  )
  const pool: Pool<C> = new Pool<C>(
    {
      network: state,
      breaker: failsafe.breaker,
      clock,
      random,
      discreet: seams.discretion.text,
      observers: [learner, degradation, hedging, counted, news],
    },
    carriersOf(links, (link) => dialect.carrier(link, seams, failsafe)),
  )
  const special = dialect.special(state, pool, seams)
  const watch = new Watch({
    network: state,
    intervalMs: probe.intervalMs,
    probe: dialect.probe(new ProbeSchedule(clock), options, seams.discretion),
    ask: askOverHttp(probeLinksOf(links), probe.timeoutMs, clock, (upstream) => pool.suspect(upstream)),
    clock,
    random,
    observer: {
      probed: (report) => {
        // A probe that failed says nothing of how long the node takes; its failure counts elsewhere.
        if (report.problem === undefined) degradation.probed(report.upstream, report.durationMs)
        news.probed(report)
        special.checked?.(report.upstream, report.problem !== undefined)
      },
      changed: (change) => {
        news.changed(change)
        if (change.kind !== 'failover' && change.kind !== 'head')
          special.checked?.(change.upstream, change.kind === 'lost')
      },
      reorged: (upstream, from, to) => news.reorged(upstream, from, to),
    },
  })
  const disturbed = (upstream: UpstreamState): void => {
    watch.refresh()
    watch.hurry(upstream)
  }

  const policies: Policy<C>[] = [
    measured<C>(clock, counted),
    guarded<C>(log),
    deadline<C>(failsafe.timeoutMs, callTimers, () => ownAnswer({ reason: 'deadline' })),
    warmUp<C>(watch),
    ...special.policies,
    retry<C>(failsafe.maxRetries, counted.retryObserver([learner, news])),
    race<C>({
      clock: callTimers,
      hedgeAfter: (call) => (call.patienceMs === undefined ? hedging.after(call) : undefined),
      mayHedge: (call) => hedging.take(call),
      mayRescue: (_, overdue) => hedging.mayRescue(overdue),
      started: (call, reason) => {
        counted.raced(call, reason)
        if (reason === 'rescue') hedging.rescueStarted()
      },
      rescueEnded: (_, right) => hedging.rescueEnded(right),
    }),
  ]
  return {
    options,
    state,
    handler: compose(policies, pool.attempt),
    start: () => watch.start(),
    close: () => {
      watch.close()
      pool.destroy()
      for (const { client, probes } of links.values()) {
        client.destroy()
        probes.destroy()
      }
    },
  }
}

function stateOf(options: NetworkOptions, clock: Clock): NetworkState {
  const { name, kind, chainId, upstreams, probe, routing } = options
  const { maxLagBlocks: maxLag, maxFailures } = probe
  return newNetwork(
    { name, kind, chainId, strategy: routing.strategy, strict: routing.strict, maxLag, maxFailures, upstreams },
    clock.now(),
  )
}

/** How one upstream is reached. */
interface Link {
  readonly endpoint: Endpoint
  readonly client: HttpClient
  /** Connections of their own for probes, which may never wait behind calls. */
  readonly probes: HttpClient
}

/** Probes in flight at one upstream: a round asks for a few things at once, and may overlap with the next. */
const probeConnections = 16

function linksOf(state: NetworkState, clock: Clock, userAgent: string): ReadonlyMap<UpstreamState, Link> {
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

function probeLinksOf(links: ReadonlyMap<UpstreamState, Link>): ReadonlyMap<UpstreamState, ProbeLink> {
  return new Map([...links].map(([upstream, { endpoint, probes }]) => [upstream, { endpoint, client: probes }]))
}

function carriersOf<C extends Call>(
  links: ReadonlyMap<UpstreamState, Link>,
  make: (link: Link) => Carrier<C>,
): Carrier<C> {
  const carriers = [...links.values()].map(make)
  return (call, upstream, receiver) => carriers[upstream.index]!(call, upstream, receiver)
}
