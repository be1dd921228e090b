import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { SimulateArguments, SimulateWords } from '../sim/arguments.ts'
import type { Latency } from '../sim/latency.ts'
import type { Simulation } from '../sim/simulation.ts'

const help = `
A fault is one of (V a validator from 0, T seconds of virtual time, @T-T a span, all of the run if left out):
  crash:V@T  restart:V@T  torn:V@T  wipe:V@T         restart, torn and wipe come back after two seconds
  partition:0,1|2,3@T-T  delay:V+MS@T-T              messages between groups; messages from and to V
  loss:P@T-T  duplicate:P@T-T  corrupt:P@T-T  reorder:P@T-T
  slowConsumer:V+MS  clock:V+MS  clock:V-MS          a wall clock that is ahead, or behind
  equivocate:V  withhold:V  late:V+MS  badSignature:V  badAncestors:V  garbage:V
  trust:V  starve:V  lie:V  flood:V  bloat:V  siblings:V

Example:
  drawbridge simulate --validators 7 --latency wan --for 30s --fault crash:6@10 --fault equivocate:5`

/**
 * Adds `drawbridge simulate`: the committee under virtual time. Exit code 1 when safety broke, or when the run stalled
 * although the committee should have borne its faults; 2 when the arguments make no sense.
 */
export function registerSimulate(program: Command): void {
  program
    .command('simulate')
    .description('the committee under virtual time: same seed, same run')
    .option('--validators <n>', 'how many validators', '4')
    .option('--seed <n>', 'decides everything that is left to chance', '1')
    .option('--latency <lan|wan|FILE>', 'a preset, or a file with a matrix of one-way milliseconds', 'lan')
    .option('--load <tx/s>', 'transactions per second, over all validators', '1000')
    .option('--for <duration>', 'virtual time: 500ms, 60s, 2m', '60s')
    .option('--fault <spec>', 'may be given many times', (text, all: string[]) => [...all, text], [])
    .option('--leaders <n>', 'leaders per round', '1')
    .option('--stakes <n,n,…>', 'stake of each validator; 1 for who is left out')
    .option('--votes', 'the committee votes on transactions')
    .option('--json', 'print one JSON object')
    .addHelpText('after', help)
    .action(async (words: SimulateWords & { readonly json?: true }) => {
      process.exitCode = await simulate(words, words.json === true)
    })
}

async function simulate(words: SimulateWords, json: boolean): Promise<number> {
  const [{ readArguments }, { createSimulation }, { failed, renderResult }] = await Promise.all([
    import('../sim/arguments.ts'),
    import('../sim/simulation.ts'),
    import('../sim/report.ts'),
  ])
  const given = readArguments(words)
  const simulation = createSimulation({ ...given, latency: await findLatency(given), picture: !json })
  const result = await runToTheEnd(simulation, !json)
  process.stdout.write(json ? `${JSON.stringify(result.report)}\n` : renderResult(result))
  return failed(result) ? 1 : 0
}

async function findLatency({ latency, validators }: SimulateArguments): Promise<Latency> {
  const { latencyPresets, presetLatency, readLatency } = await import('../sim/latency.ts')
  const { SimulationUsageError } = await import('../sim/errors.ts')
  if (latencyPresets.includes(latency)) return presetLatency(latency, validators)
  const text = await readFile(latency, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new SimulationUsageError(
      `The latency file ${latency} cannot be read (${cause.code}).`,
      `Give ${latencyPresets.join(', ')} or a file.`,
    )
  })
  return readLatency(text, validators)
}

const sliceMs = 100

async function runToTheEnd(simulation: Simulation, tell: boolean) {
  const { afterPendingInput, realClock } = await import('../core/clock.ts')
  const startedAt = realClock.now()
  const progress = tell ? new ProgressLine() : undefined
  while (simulation.advance(sliceMs)) {
    progress?.show(simulation.progress(), realClock.now() - startedAt)
    await afterPendingInput()
  }
  progress?.clear()
  return simulation.result((realClock.now() - startedAt) / 1000)
}

/** One line on standard error that is written over; a log file gets a line every few seconds instead. */
class ProgressLine {
  readonly #everyMs = process.stderr.isTTY ? 100 : 5000
  #shownAt = 0

  show(progress: ReturnType<Simulation['progress']>, wallMs: number): void {
    if (wallMs - this.#shownAt < this.#everyMs) return
    this.#shownAt = wallMs
    const line = `${progress.seconds.toFixed(1)} of ${progress.ofSeconds} s, round ${progress.rounds}, ${progress.commits} sub-DAGs, ${progress.ordered} transactions ordered`
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
  }

  clear(): void {
    if (process.stderr.isTTY && this.#shownAt > 0) process.stderr.write('\r\x1b[K')
  }
}
