import { Instruments } from '../src/gateway/instruments.ts'
import { Metrics } from '../src/telemetry/metrics.ts'

/** The row of every metric in the table of `docs/metrics.md`. */
export function metricRows(): string[] {
  const metrics = new Metrics({ processMetrics: false })
  new Instruments(metrics, '0.0.0')
  return metrics.descriptions.map(
    ({ name, kind, labels, help }) => `| \`${name}\` | ${kind} | ${labels.join(', ')} | ${help} |`,
  )
}
