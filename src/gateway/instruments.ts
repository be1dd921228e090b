import type { Call, Outcome } from '../rpc/call.ts'
import type { Counter, Family, Gauge, Histogram, Metrics } from '../telemetry/metrics.ts'
import type { RaceReason } from './policy/race.ts'
import type { RetryObserver } from './policy/retry.ts'
import { headAge } from './upstream/health.ts'
import type { AttemptObserver } from './upstream/pool.ts'
import type { NetworkState, UpstreamState } from './upstream/state.ts'

const breakerValue = { closed: 0, trial: 1, open: 2 } as const

type UpstreamGauge = 'head' | 'lag' | 'eligible' | 'suspect' | 'degraded' | 'breaker'
type UpstreamGauges = Readonly<Record<UpstreamGauge, Gauge>>

/** All metrics of the gate. Made once; each network binds its own handles. */
export class Instruments {
  readonly #metrics: Metrics
  readonly #calls: Family<Counter>
  readonly #callDuration: Family<Histogram>
  readonly #attempts: Family<Counter>
  readonly #attemptDuration: Family<Histogram>
  readonly #retries: Family<Counter>
  readonly #hedges: Family<Counter>
  readonly #rescues: Family<Counter>
  readonly #rateLimited: Family<Counter>
  readonly #failovers: Family<Counter>
  readonly #failoverActive: Family<Gauge>
  readonly #headAge: Family<Gauge>
  readonly #heldBytes: Family<Gauge>
  readonly #reorgs: Family<Counter>
  readonly #probeDuration: Family<Histogram>
  readonly #probeFailures: Family<Counter>
  readonly #upstream: Readonly<Record<UpstreamGauge, Family<Gauge>>>

  constructor(metrics: Metrics, version: string) {
    const perUpstream = ['network', 'upstream']
    this.#metrics = metrics
    this.#calls = metrics.counter('calls_total', 'Calls of clients, by how they ended.', [
      'network',
      'method',
      'outcome',
    ])
    this.#callDuration = metrics.histogram('call_duration_seconds', 'From a call read to its answer chosen.', [
      'network',
      'method',
    ])
    this.#attempts = metrics.counter('attempts_total', 'Attempts at upstreams, by how they ended.', [
      ...perUpstream,
      'outcome',
    ])
    this.#attemptDuration = metrics.histogram(
      'attempt_duration_seconds',
      'From an attempt sent to its end.',
      perUpstream,
    )
    this.#retries = metrics.counter('retries_total', 'Attempts made because an earlier one had failed.', ['network'])
    this.#hedges = metrics.counter('hedges_total', 'Attempts made beside one slower than usual.', ['network'])
    this.#rescues = metrics.counter(
      'rescues_total',
      'Attempts made because an earlier one was silent or made no progress.',
      ['network'],
    )
    this.#rateLimited = metrics.counter(
      'rate_limited_total',
      'Calls refused because all upstreams were at their limits.',
      ['network'],
    )
    this.#failovers = metrics.counter('failovers_total', 'Times that backups had to take over.', ['network'])
    this.#headAge = metrics.gauge('head_age_seconds', 'Time since the head of a network was made, or first seen.', [
      'network',
    ])
    this.#failoverActive = metrics.gauge('failover_active', '1 while backups serve because no primary can.', [
      'network',
    ])
    this.#reorgs = metrics.counter('reorgs_total', 'Times that the head of an upstream went back.', perUpstream)
    this.#probeDuration = metrics.histogram('probe_duration_seconds', 'Duration of probes.', perUpstream)
    this.#probeFailures = metrics.counter('probe_failures_total', 'Probes that got no usable answer.', perUpstream)
    this.#upstream = {
      head: metrics.gauge('upstream_head', 'Highest block or slot of an upstream.', perUpstream),
      lag: metrics.gauge('upstream_lag_blocks', 'Blocks or slots behind the network head.', perUpstream),
      eligible: metrics.gauge('upstream_eligible', '1 while an upstream may get calls.', perUpstream),
      suspect: metrics.gauge(
        'upstream_suspect',
        '1 while an upstream is avoided because it says nothing.',
        perUpstream,
      ),
      degraded: metrics.gauge(
        'upstream_degraded',
        '1 while others are preferred to an upstream because they do better.',
        perUpstream,
      ),
      breaker: metrics.gauge('upstream_breaker_state', '0 closed, 1 on trial, 2 open.', perUpstream),
    }
    this.#heldBytes = metrics.gauge('held_bytes', 'Bytes held in memory on behalf of clients.', [])
    metrics.gauge('build_info', 'Always 1; the version is in the label.', ['version']).bind({ version }).set(1)
  }

  /** Shows what is held whenever somebody asks. */
  watchHeld(bytes: () => number): void {
    const gauge = this.#heldBytes.bind({})
    this.#metrics.beforeText(() => gauge.set(bytes()))
  }

  /** The handles of one network. */
  forNetwork(state: NetworkState, now: () => number): NetworkInstruments {
    const labels = { network: state.name }
    this.#publishUpstreams(state, now)
    return new NetworkInstruments({
      calls: labelled(this.#calls, labels),
      callDuration: labelled(this.#callDuration, labels),
      attempts: labelled(this.#attempts, labels),
      attemptDuration: labelled(this.#attemptDuration, labels),
      retries: this.#retries.bind(labels),
      hedges: this.#hedges.bind(labels),
      rescues: this.#rescues.bind(labels),
      rateLimited: this.#rateLimited.bind(labels),
      failovers: this.#failovers.bind(labels),
      reorgs: labelled(this.#reorgs, labels),
      probeDuration: labelled(this.#probeDuration, labels),
      probeFailures: labelled(this.#probeFailures, labels),
    })
  }

  #publishUpstreams(state: NetworkState, now: () => number): void {
    const failover = this.#failoverActive.bind({ network: state.name })
    const age = this.#headAge.bind({ network: state.name })
    const gauges = state.upstreams.map((upstream) => ({ upstream, gauges: this.#gaugesOf(state, upstream) }))
    this.#metrics.beforeText(() => {
      failover.set(state.failoverActive ? 1 : 0)
      age.set((headAge(state, now()) ?? 0) / 1000)
      for (const one of gauges) publish(one.upstream, one.gauges)
    })
  }

  #gaugesOf(state: NetworkState, upstream: UpstreamState): UpstreamGauges {
    const labels = { network: state.name, upstream: upstream.name }
    const { head, lag, eligible, suspect, degraded, breaker } = this.#upstream
    return {
      head: head.bind(labels),
      lag: lag.bind(labels),
      eligible: eligible.bind(labels),
      suspect: suspect.bind(labels),
      degraded: degraded.bind(labels),
      breaker: breaker.bind(labels),
    }
  }
}

function publish(upstream: UpstreamState, gauges: UpstreamGauges): void {
  gauges.head.set(Math.max(0, upstream.head))
  gauges.lag.set(upstream.lag)
  gauges.eligible.set(upstream.eligible ? 1 : 0)
  gauges.suspect.set(upstream.suspect ? 1 : 0)
  gauges.degraded.set(upstream.conduct.troubled ? 1 : 0)
  gauges.breaker.set(breakerValue[upstream.breaker.phase])
}

/** Binds a handle per further label value at its first sight, then finds it by one map look-up. */
type Labelled<S> = (key: string, more: () => Readonly<Record<string, string>>) => S

function labelled<S>(family: Family<S>, labels: Readonly<Record<string, string>>): Labelled<S> {
  const known = new Map<string, S>()
  return (key, more) => {
    let series = known.get(key)
    if (series === undefined) {
      series = family.bind({ ...labels, ...more() })
      known.set(key, series)
    }
    return series
  }
}

interface NetworkHandles {
  readonly calls: Labelled<Counter>
  readonly callDuration: Labelled<Histogram>
  readonly attempts: Labelled<Counter>
  readonly attemptDuration: Labelled<Histogram>
  readonly retries: Counter
  readonly hedges: Counter
  readonly rescues: Counter
  readonly rateLimited: Counter
  readonly failovers: Counter
  readonly reorgs: Labelled<Counter>
  readonly probeDuration: Labelled<Histogram>
  readonly probeFailures: Labelled<Counter>
}

/** What one network counts. */
export class NetworkInstruments implements AttemptObserver {
  readonly handles: NetworkHandles

  constructor(handles: NetworkHandles) {
    this.handles = handles
  }

  /** Notes a further attempt that started beside a running one. */
  readonly raced = (_: Call, reason: RaceReason): void => {
    if (reason === 'hedge') this.handles.hedges.inc()
    else this.handles.rescues.inc()
  }

  /** Counts retries, and passes contradictions on. */
  retryObserver(others: readonly Pick<RetryObserver, 'contradicted'>[]): RetryObserver {
    return {
      retried: () => this.handles.retries.inc(),
      contradicted: (upstream, rule) => {
        for (const other of others) other.contradicted(upstream, rule)
      },
    }
  }

  called(call: Call, outcome: Outcome, durationMs: number): void {
    const { label } = call
    const ending = endingOf(outcome)
    this.handles.calls(`${label}\0${ending}`, () => ({ method: label, outcome: ending })).inc()
    this.handles.callDuration(label, () => ({ method: label })).observe(durationMs / 1000)
    if (ending === 'limited') this.handles.rateLimited.inc()
  }

  ended({ upstream }: { readonly upstream: UpstreamState }, outcome: Outcome, durationMs: number): void {
    const { name } = upstream
    const ending = endingOf(outcome)
    this.handles.attempts(`${name}\0${ending}`, () => ({ upstream: name, outcome: ending })).inc()
    this.handles.attemptDuration(name, () => ({ upstream: name })).observe(durationMs / 1000)
  }

  suspected(): void {}

  probed(upstream: UpstreamState, durationMs: number, failed: boolean): void {
    const { name } = upstream
    this.handles.probeDuration(name, () => ({ upstream: name })).observe(durationMs / 1000)
    if (failed) this.handles.probeFailures(name, () => ({ upstream: name })).inc()
  }

  reorged({ name }: UpstreamState): void {
    this.handles.reorgs(name, () => ({ upstream: name })).inc()
  }
}

/** `ok`, the class of a bad answer, or the reason of our own refusal. */
function endingOf(outcome: Outcome): string {
  if (outcome.verdict === undefined) return 'ok'
  const { answer } = outcome
  return answer.kind === 'refusal' && outcome.upstream === undefined ? answer.refusal.reason : outcome.verdict.class
}
