type Table = Readonly<Record<string, unknown>>

const columns = ['upstream', 'tier', 'state', 'head', 'lag', 'p50', 'p99', 'errors', 'in flight'] as const

/**
 * The snapshot of `GET /status` as a table for people. It comes from another process, perhaps of another version: what
 * is not there is shown as "-", and control characters are taken out before they reach the terminal.
 */
export function statusTable(snapshot: unknown): string {
  const { version, networks } = tableOf(snapshot)
  const sections = Object.entries(tableOf(networks)).map(([name, network]) => networkSection(name, tableOf(network)))
  const nothing = sections.length === 0 ? ['no networks\n'] : sections
  return [`drawbridge ${textOf(version)}\n`, ...nothing].join('\n')
}

function networkSection(name: string, network: Table): string {
  const { kind, chainId, failoverActive, upstreams } = network
  const head = textOf(tableOf(network['head'])['number'])
  const failover = failoverActive === true ? ', failover active' : ''
  const title = `${textOf(name)}: ${textOf(kind)}, chain ${textOf(chainId)}, head ${head}${failover}`
  const rows = Array.isArray(upstreams) ? upstreams.map((upstream) => rowOf(tableOf(upstream))) : []
  return `${title}\n${aligned([[...columns], ...rows])}`
}

function rowOf(upstream: Table): string[] {
  const { p50, p99 } = tableOf(upstream['latencyMs'])
  return [
    textOf(upstream['name']),
    textOf(upstream['tier']),
    stateOf(upstream),
    textOf(tableOf(upstream['head'])['number'] ?? upstream['head']),
    textOf(upstream['lag']),
    millisecondsOf(p50),
    millisecondsOf(p99),
    percentOf(upstream['errorRatio']),
    textOf(upstream['inFlight']),
  ]
}

function stateOf({ eligible, reason }: Table): string {
  const noReason = typeof reason !== 'string'
  if (eligible === true) return noReason ? 'eligible' : `eligible (${textOf(reason)})`
  return noReason ? 'not eligible' : textOf(reason)
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  const lines = rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '))
  return `${lines.map((line) => `  ${line.trimEnd()}`).join('\n')}\n`
}

function millisecondsOf(value: unknown): string {
  return typeof value === 'number' ? `${value < 10 ? value.toFixed(1) : Math.round(value)} ms` : '-'
}

function percentOf(value: unknown): string {
  return typeof value === 'number' ? `${(value * 100).toFixed(1)} %` : '-'
}

function textOf(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') return '-'
  return String(value).replace(/\p{C}/gu, '?').slice(0, 80)
}

function tableOf(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {}
}
