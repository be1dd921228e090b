import { Command, CommanderError, Option } from 'commander'
import { redactText } from '../core/redact.ts'
import { programVersion } from '../core/version.ts'
import { registerCheck } from './check.ts'
import { registerDemo } from './demo-command.ts'
import { registerExplain } from './explain.ts'
import { exitCodeOf, printFailure, UsageError } from './failure.ts'
import { logFormats, logLevels } from './globals.ts'
import { registerKeygen } from './keygen.ts'
import { registerServe } from './serve.ts'
import { registerSimulate } from './simulate.ts'
import { registerStatus } from './status.ts'

// Each loads what it needs only when it runs: `serve` should be ready in a blink.
const commands = [
  registerServe,
  registerDemo,
  registerCheck,
  registerStatus,
  registerExplain,
  registerKeygen,
  registerSimulate,
]

/**
 * Runs the program and sets the exit code: 0 for success, 1 for a failure, 2 for wrong usage or a wrong config.
 *
 * @param argv as `process.argv`: the first two entries are skipped
 */
export async function main(argv: readonly string[]): Promise<void> {
  // `drawbridge check | head` ends the reader first; that is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  try {
    await run(argv)
  } catch (error) {
    process.exitCode = error instanceof CommanderError ? commanderExitCode(error) : exitCodeOf(error)
    if (!(error instanceof CommanderError)) printFailure(error)
  }
}

/**
 * The whole command line; the docs are checked against it.
 *
 * @param named the command about to run, if that is known: what it does not need is left out then
 */
export async function createProgram(named?: string): Promise<Command> {
  const program = new Command('drawbridge')
    .description('One front door for Ethereum-family nodes.')
    .version(programVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help, or the help of a command')
    .addOption(new Option('--log-level <level>', 'least important level to log').choices(logLevels).default('info'))
    .addOption(new Option('--log-format <format>', 'pretty (default in a terminal) or json').choices(logFormats))
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(`drawbridge: ${redactText(text).replace(/^error: /, '')}`) })
    .showHelpAfterError('Run it with --help to see what it takes.')
    .exitOverride()
  for (const register of commands) register(program)
  if (program.commands.some((command) => command.name() === named)) return program
  // This one alone loads much to say what it takes.
  const { registerConsensus } = await import('./consensus.ts')
  registerConsensus(program)
  passOn(program)
  return program
}

// A command that was made apart and then added would end the process by itself, and with another exit code.
function passOn(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command)
    passOn(child)
  }
}

async function run(argv: readonly string[]): Promise<void> {
  const [first] = argv.slice(2)
  const program = await createProgram(first)
  if (first === undefined) program.outputHelp()
  else if (first.includes('://')) {
    throw new UsageError('A URL stands where a command belongs.', 'Write: drawbridge serve URL...')
  } else await program.parseAsync(argv)
}

function commanderExitCode(error: CommanderError): 0 | 2 {
  return error.exitCode === 0 ? 0 : 2
}
