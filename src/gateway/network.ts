import type { Clock } from '../core/clock.ts'
import { coarseClock } from '../core/coarse-clock.ts'
import { type Call, compose, type Handler, type Policy, type RestCall, type RpcCall } from '../rpc/call.ts'
import { beacon, type Dialect, evm, type NetworkSeams } from './dialects.ts'
import { HealthNews } from './health-news.ts'
import type { Instruments } from './instruments.ts'
import { carriersOf, linksOf, probeLinksOf } from './links.ts'
import type { NetworkOptions } from './options.ts'
import { deadline } from './policy/deadline.ts'
import { guarded } from './policy/guarded.ts'
import { Hedging } from './policy/hedging.ts'
import { measured } from './policy/measured.ts'
import { race } from './policy/race.ts'
import { retry } from './policy/retry.ts'
import { warmUp } from './policy/warm-up.ts'
import { ProbeSchedule } from './probe/ask.ts'
import { askOverHttp } from './probe/ask-http.ts'
import { Watch } from './probe/watch.ts'
import { Degradation } from './upstream/degradation.ts'
import { learning } from './upstream/learn.ts'
import { forsake, ownAnswer, Pool, reconsider } from './upstream/pool.ts'
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
        if (change.kind === 'lost' && change.reason.why === 'unreachable') forsake(change.upstream)
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
