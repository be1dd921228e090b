import { Instruments } from '../src/gateway/instruments.ts'
import { type ReplicaMetricsSource, replicaMetrics } from '../src/replica/metrics.ts'
import { Metrics } from '../src/telemetry/metrics.ts'

/** The row of every metric of the gateway, then of a validator, in the tables of `docs/metrics.md`. */
export function metricRows(): string[] {
  return [...rowsOf(gatewayMetrics()), ...rowsOf(validatorMetrics())]
}

function gatewayMetrics(): Metrics {
  const metrics = new Metrics({ processMetrics: false })
  new Instruments(metrics, '0.0.0')
  return metrics
}

/** Its figures are read when somebody asks for the text, which nobody does here. */
function validatorMetrics(): Metrics {
  const unread = (): never => {
    throw new Error('the figures are not read')
  }
  const source: ReplicaMetricsSource = { status: unread, refusedLinks: unread }
  return replicaMetrics(source, false)
}

function rowsOf({ descriptions }: Metrics): string[] {
  return descriptions.map(({ name, kind, labels, help }) => {
    return `| \`${name}\` | ${kind} | ${labels.join(', ')} | ${help} |`
  })
}
