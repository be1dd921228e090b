import type { LeaderCounts } from '../consensus/types.ts'
import type { Burden } from './burden.ts'
import type { TransactionCounts } from './judge.ts'
import type { Quantiles } from './quantiles.ts'

/** What a simulation found. The fields are public: `drawbridge simulate --json` prints them. */
export interface SimulationReport {
  readonly seed: number
  readonly validators: number
  /** Virtual time run, the seconds after the load included. */
  readonly virtualSeconds: number
  /** Seconds of the machine that ran it; the only field that two runs do not share. */
  readonly wallSeconds: number
  /** The highest round an honest validator reached. */
  readonly rounds: number
  /** Sub-DAGs in the longest sequence. */
  readonly commits: number
  /** How the leaders were decided, at the honest validator that decided most. */
  readonly leaders: LeaderCounts
  readonly transactions: TransactionCounts
  /** From submission to delivery at the validator that took the transaction. */
  readonly latencyMs: Quantiles
  /** From a leader block's broadcast to its commit, in multiples of the network's one-way delay. */
  readonly messageDelays: Omit<Quantiles, 'p90'>
  /** Slots that an author filled twice, as the honest validator that saw most of them counted. */
  readonly equivocations: number
  /** "ok", or what broke. */
  readonly safety: string
  readonly liveness: 'ok' | 'stalled'
  /** SHA-256 over the longest committed sequence of an honest validator. */
  readonly digest: string
}

/** A finished run with what only the text form and the exit code need. */
export interface SimulationResult {
  readonly report: SimulationReport
  /** Virtual seconds with load, for rates. */
  readonly loadSeconds: number
  /** One-way milliseconds that message delays are multiples of. */
  readonly unitMs: number
  /** Stake at fault at the end, and how much of it the committee can bear. */
  readonly faulty: number
  readonly bearable: number
  /** What the honest validators held and did for their peers, at most. */
  readonly burden: Burden
  /** A text picture of the DAG; undefined unless the run was small. */
  readonly picture: string | undefined
}

/** Whether the run failed: safety broke, or it stalled although the committee should have borne its faults. */
export function failed({ report, faulty, bearable }: SimulationResult): boolean {
  return report.safety !== 'ok' || (report.liveness !== 'ok' && faulty <= bearable)
}

/** The result as a person reads it. */
export function renderResult(result: SimulationResult): string {
  const { report } = result
  const parts = [renderTable(result), verdict(result)]
  if (result.picture !== undefined) parts.unshift(result.picture)
  return `${parts.join('\n\n')}\n\ndigest ${report.digest}\n`
}

function renderTable({ report, burden, loadSeconds, unitMs }: SimulationResult): string {
  const { latencyMs: ms, messageDelays: delays, leaders, transactions } = report
  const skipped = leaders.skippedDirect + leaders.skippedIndirect
  const decided = leaders.committedDirect + leaders.committedIndirect + skipped
  const rows: (readonly string[])[] = [
    ['', 'p50', 'p90', 'p99'],
    ['transaction latency', `${round(ms.p50)} ms`, `${round(ms.p90)} ms`, `${round(ms.p99)} ms`],
    ['leader to commit', `${round(delays.p50)} delays`, '', `${round(delays.p99)} delays`],
    ['', `${round(delays.p50 * unitMs)} ms`, '', `${round(delays.p99 * unitMs)} ms`],
    [''],
    ['rounds', `${report.rounds}`, `${round(report.rounds / report.virtualSeconds)} /s`],
    ['sub-DAGs', `${report.commits}`, `${round(report.commits / report.virtualSeconds)} /s`],
    ['leaders committed', `${leaders.committedDirect} direct`, `${leaders.committedIndirect} indirect`],
    [
      'leaders skipped',
      `${leaders.skippedDirect} direct`,
      `${leaders.skippedIndirect} indirect`,
      share(skipped, decided),
    ],
    ['transactions ordered', `${transactions.ordered}`, `${round(transactions.ordered / loadSeconds)} /s`],
    ['', `${transactions.submitted} submitted`, `${transactions.lost} lost`, `${transactions.doubled} doubled`],
    ['equivocations', `${report.equivocations}`],
    ['at most waiting', `${burden.waitingBlocks} blocks`, `${burden.waitingBytes} bytes`, `${burden.missing} missing`],
    ['at most done', `${burden.checked} checks`, `${burden.decoded} blocks`],
    ['simulated', `${round(report.virtualSeconds)} s`, `in ${round(report.wallSeconds)} s`],
  ]
  return align(rows)
}

function verdict({ report, faulty, bearable }: SimulationResult): string {
  const blame = report.liveness === 'ok' ? '' : ` with ${faulty} at fault where ${bearable} can be borne`
  return `safety    ${report.safety}\nliveness  ${report.liveness}${blame}`
}

function align(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)))
  return rows
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[at]!))).join('  '))
    .map((line) => line.trimEnd())
    .join('\n')
}

function share(part: number, whole: number): string {
  return whole === 0 ? '' : `${round((100 * part) / whole)} %`
}

function round(value: number): string {
  return Number.isFinite(value) ? `${Math.round(value * 100) / 100}` : '0'
}
