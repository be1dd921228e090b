import type { Command } from 'commander'
import { realClock } from '../core/clock.ts'
import type { ProgramValidator } from '../replica/program.ts'
import type { ConsensusConfig } from './consensus-config.ts'
import { decideCommand } from './consensus-decide.ts'
import { exitCodeOf, printFailure, UsageError } from './failure.ts'
import { type GlobalFlags, globalFlags } from './globals.ts'
import type { ProgramLog } from './log.ts'
import { stopOnSignal } from './signals.ts'

interface ConsensusFlags {
  readonly config?: string
  readonly commits?: string
  readonly http?: string
  readonly metrics?: string
}

/** `drawbridge consensus`: one validator of a committee, until a signal stops it. `consensus decide` hangs below it. */
export function registerConsensus(program: Command): void {
  program
    .command('consensus')
    .description('run one validator of a committee made by keygen')
    .option('--config <file>', "the validator's config")
    .option('--commits <file>', 'where the sequence of commits goes, one JSON line each')
    .option('--http <host:port>', 'listen here for transactions and for whoever watches')
    .option(
      '--metrics <host:port>',
      'show /metrics, /status and the Beacon routes here too, without taking transactions',
    )
    .addCommand(decideCommand())
    .action(async (flags: ConsensusFlags, command: Command) => {
      if (flags.config === undefined) {
        throw new UsageError(
          'There is no --config.',
          'Make a committee first: drawbridge keygen --validators 4 --dir DIR',
        )
      }
      const { loadConsensusConfig } = await import('./consensus-config.ts')
      await consensus(loadConsensusConfig(flags.config), flags, globalFlags(command))
    })
}

async function consensus(config: ConsensusConfig, flags: ConsensusFlags, global: GlobalFlags): Promise<void> {
  const [{ ProgramValidator }, { createLog }] = await Promise.all([import('../replica/program.ts'), import('./log.ts')])
  const log: ProgramLog = await createLog(global, [])
  const { http = config.http, metrics } = await addressesOf(flags)
  const commits = flags.commits ?? config.commits
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  const validator: ProgramValidator = new ProgramValidator({
    ...config,
    http,
    metrics,
    commits,
    clock: realClock,
    log,
    failed: fail,
  })
  const stopped = stopOnSignal({ drain: async () => {}, close: () => validator.stop() }, log, realClock)
  try {
    const { name, listening } = await Promise.race([validator.start(), failed])
    process.stdout.write(`${name}: ${listening}\n`)
    await Promise.race([stopped, failed])
  } catch (error) {
    // Its sockets would keep the process alive.
    printFailure(error)
    process.exitCode = exitCodeOf(error)
  }
  log.flush()
  process.exit()
}

async function addressesOf({ http, metrics }: ConsensusFlags) {
  const { parseListen } = await import('../config/listen.ts')
  const read = (flag: string, text: string | undefined) => {
    const listen = text === undefined ? undefined : parseListen(text)
    if (typeof listen === 'string') throw new UsageError(`The address given with ${flag} does not fit:`, `${listen}.`)
    return listen
  }
  return { http: read('--http', http), metrics: read('--metrics', metrics) }
}
