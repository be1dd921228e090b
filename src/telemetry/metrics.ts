import type { Metric, Registry } from 'prom-client'

/** Label names of one metric and the values of one series. */
type Labels = Readonly<Record<string, string>>

/** A number that only grows. Bound once, then a plain addition. */
export class Counter {
  value = 0
  inc(by = 1): void {
    this.value += by
  }
}

/** A number that moves both ways. */
export class Gauge {
  value = 0
  set(value: number): void {
    this.value = value
  }
}

/** Counts observations per bucket. Bound once, then an array step per observation. */
export class Histogram {
  readonly counts: Float64Array
  sum = 0
  count = 0
  readonly bounds: readonly number[]

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** @param value in the unit of the metric's name */
  observe(value: number): void {
    const bounds = this.bounds
    let at = 0
    while (at < bounds.length && value > bounds[at]!) at++
    this.counts[at]!++
    this.sum += value
    this.count++
  }
}

/** Bucket bounds for durations, in seconds. */
export const durationBounds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]

/** All series of one metric. `bind` is for start-up, or for the first sight of a label; never per call. */
export interface Family<S> {
  bind(labels: Labels): S
}

export type MetricKind = 'counter' | 'gauge' | 'histogram'
/** What docs and dashboards are checked against. */
export interface MetricDescription {
  readonly name: string
  readonly help: string
  readonly kind: MetricKind
  readonly labels: readonly string[]
}

interface Sample {
  readonly metricName?: string
  readonly labels: Record<string, string | number>
  readonly value: number
}

/**
 * The metrics of one gateway. Exposition is prom-client's; the handles are our own, because a labelled prom-client
 * handle hashes its labels at every increment.
 *
 * @example
 * const metrics = new Metrics('1.0.0')
 * const calls = metrics.counter('calls_total', 'Calls of clients', ['network']).bind({ network: 'el' })
 * calls.inc()
 */
export class Metrics {
  readonly #processMetrics: boolean
  readonly #families: Metric[] = []
  #registry: Promise<Registry> | undefined
  readonly #refreshers: (() => void)[] = []
  readonly descriptions: MetricDescription[] = []
  /** Media type of the exposition format, version 0.0.4. */
  readonly contentType: string = 'text/plain; version=0.0.4; charset=utf-8'

  constructor(options: { readonly processMetrics: boolean }) {
    this.#processMetrics = options.processMetrics
  }

  counter(name: string, help: string, labels: readonly string[]): Family<Counter> {
    return this.#family('counter', name, help, labels, () => new Counter(), sampleOfNumber)
  }

  gauge(name: string, help: string, labels: readonly string[]): Family<Gauge> {
    return this.#family('gauge', name, help, labels, () => new Gauge(), sampleOfNumber)
  }

  histogram(name: string, help: string, labels: readonly string[], bounds = durationBounds): Family<Histogram> {
    return this.#family('histogram', name, help, labels, () => new Histogram(bounds), samplesOfHistogram)
  }

  /** Runs before each exposition, to bring gauges up to date from live state. */
  beforeText(refresh: () => void): void {
    this.#refreshers.push(refresh)
  }

  /** Prometheus text exposition. */
  async text(): Promise<string> {
    this.#registry ??= this.#openRegistry()
    const registry = await this.#registry
    for (const refresh of this.#refreshers) refresh()
    return asPrometheusWrites(await registry.metrics())
  }

  /** prom-client takes 20 MB and a tenth of the start-up: it is loaded for whoever asks for metrics first. */
  async #openRegistry(): Promise<Registry> {
    const { collectDefaultMetrics, Registry } = await import('prom-client')
    const registry = new Registry()
    for (const family of this.#families) registry.registerMetric(family)
    if (this.#processMetrics) collectDefaultMetrics({ register: registry })
    return registry
  }

  #family<S>(
    kind: MetricKind,
    shortName: string,
    help: string,
    labelNames: readonly string[],
    create: () => S,
    read: (name: string, labels: Labels, series: S) => Sample[],
  ): Family<S> {
    const name = `drawbridge_${shortName}`
    this.descriptions.push({ name, help, kind, labels: labelNames })
    const series = new Map<string, { labels: Labels; series: S }>()
    const get = async () => ({
      name,
      help,
      type: kind,
      aggregator: 'sum',
      values: [...series.values()].flatMap((one) => read(name, one.labels, one.series)),
    })
    // prom-client asks a metric for nothing but its name and `get`; its type also demands `reset`, never called here.
    this.#families.push({ name, get, reset: () => series.clear() } as unknown as Metric)
    return {
      bind: (labels) => {
        const key = labelNames.map((label) => labels[label] ?? '').join('\0')
        const known = series.get(key) ?? { labels, series: create() }
        series.set(key, known)
        return known.series
      },
    }
  }
}

/** prom-client writes "Nan", which no reader of the format has to take for a number. */
function asPrometheusWrites(text: string): string {
  return text.replace(/^(?!#)(.* )Nan$/gm, '$1NaN')
}

function sampleOfNumber(_: string, labels: Labels, series: { value: number }): Sample[] {
  return [{ labels: { ...labels }, value: series.value }]
}

function samplesOfHistogram(name: string, labels: Labels, series: Histogram): Sample[] {
  let cumulated = 0
  const buckets = [...series.counts].map((count, at): Sample => {
    cumulated += count
    return { metricName: `${name}_bucket`, labels: { ...labels, le: series.bounds[at] ?? '+Inf' }, value: cumulated }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { ...labels }, value: series.sum },
    { metricName: `${name}_count`, labels: { ...labels }, value: series.count },
  ]
}
