import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Histogram, Metrics } from './metrics.ts'

const lines = async (metrics: Metrics): Promise<string[]> =>
  (await metrics.text()).split('\n').filter((line) => line !== '')

describe('the exposition', () => {
  it('says help and type of every metric, and a line per series', async () => {
    const metrics = new Metrics({ processMetrics: false })
    const calls = metrics.counter('calls_total', 'Calls of clients.', ['network'])
    calls.bind({ network: 'el' }).inc()
    calls.bind({ network: 'el' }).inc(2)
    calls.bind({ network: 'cl' }).inc()
    metrics.gauge('upstream_head', 'Highest block.', ['upstream']).bind({ upstream: 'a' }).set(-7.5)
    assert.deepEqual(await lines(metrics), [
      '# HELP drawbridge_calls_total Calls of clients.',
      '# TYPE drawbridge_calls_total counter',
      'drawbridge_calls_total{network="el"} 3',
      'drawbridge_calls_total{network="cl"} 1',
      '# HELP drawbridge_upstream_head Highest block.',
      '# TYPE drawbridge_upstream_head gauge',
      'drawbridge_upstream_head{upstream="a"} -7.5',
    ])
  })

  it('cumulates the buckets of a histogram, the bounds being included', async () => {
    const metrics = new Metrics({ processMetrics: false })
    const series = metrics.histogram('wait_seconds', 'Wait.', ['network'], [0.1, 1]).bind({ network: 'el' })
    for (const value of [0.1, 0.05, 0.5, 1, 30]) series.observe(value)
    const all = await lines(metrics)
    assert.deepEqual(all.slice(0, 5), [
      '# HELP drawbridge_wait_seconds Wait.',
      '# TYPE drawbridge_wait_seconds histogram',
      'drawbridge_wait_seconds_bucket{network="el",le="0.1"} 2',
      'drawbridge_wait_seconds_bucket{network="el",le="1"} 4',
      'drawbridge_wait_seconds_bucket{network="el",le="+Inf"} 5',
    ])
    assert.match(all[5]!, /^drawbridge_wait_seconds_sum\{network="el"\} 31\.65/)
    assert.equal(all[6], 'drawbridge_wait_seconds_count{network="el"} 5')
  })

  it('writes numbers as Prometheus does', async () => {
    const metrics = new Metrics({ processMetrics: false })
    const family = metrics.gauge('g', 'Not a Nan', ['of'])
    const values = { 'a Nan': Number.NaN, up: Number.POSITIVE_INFINITY, down: Number.NEGATIVE_INFINITY, small: 1e-7 }
    for (const [of, value] of Object.entries(values)) family.bind({ of }).set(value)
    assert.deepEqual(await lines(metrics), [
      '# HELP drawbridge_g Not a Nan',
      '# TYPE drawbridge_g gauge',
      'drawbridge_g{of="a Nan"} NaN',
      'drawbridge_g{of="up"} +Inf',
      'drawbridge_g{of="down"} -Inf',
      'drawbridge_g{of="small"} 1e-7',
    ])
  })

  it('escapes what labels hold, so that no value can make a line of its own', async () => {
    const metrics = new Metrics({ processMetrics: false })
    metrics.counter('c_total', 'C.', ['upstream']).bind({ upstream: 'a"b\\c\nd' }).inc()
    assert.equal((await lines(metrics))[2], 'drawbridge_c_total{upstream="a\\"b\\\\c\\nd"} 1')
  })

  it('brings live values up to date first, each time', async () => {
    const metrics = new Metrics({ processMetrics: false })
    const gauge = metrics.gauge('g', 'G.', []).bind({})
    let value = 0
    metrics.beforeText(() => gauge.set(++value))
    assert.equal((await lines(metrics)).at(-1), 'drawbridge_g 1')
    assert.equal((await lines(metrics)).at(-1), 'drawbridge_g 2')
  })

  it('gives one handle per set of labels', () => {
    const family = new Metrics({ processMetrics: false }).counter('c_total', 'C.', ['a', 'b'])
    assert.equal(family.bind({ a: '1', b: '2' }), family.bind({ b: '2', a: '1' }))
    assert.notEqual(family.bind({ a: '12', b: '' }), family.bind({ a: '1', b: '2' }))
  })

  it('describes every metric, for docs and dashboards', () => {
    const metrics = new Metrics({ processMetrics: false })
    metrics.counter('c_total', 'C.', ['a'])
    assert.deepEqual(metrics.descriptions, [{ name: 'drawbridge_c_total', help: 'C.', kind: 'counter', labels: ['a'] }])
  })

  it('keeps two gateways of one process apart', async () => {
    const [one, other] = [new Metrics({ processMetrics: true }), new Metrics({ processMetrics: true })]
    one.counter('c_total', 'C.', []).bind({}).inc()
    assert.match(await one.text(), /process_cpu_seconds_total/)
    assert.doesNotMatch(await other.text(), /drawbridge_c_total/)
  })
})

describe('a histogram', () => {
  it('puts each value into the first bucket that reaches it', () => {
    const histogram = new Histogram([1, 2, 5])
    for (const value of [0, 1, 1.0001, 2, 5, 5.1, 1e9]) histogram.observe(value)
    assert.deepEqual([...histogram.counts], [2, 2, 1, 2])
    assert.equal(histogram.count, 7)
  })
})
