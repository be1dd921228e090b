import type { Command } from 'commander'
import { UsageError } from './failure.ts'

interface KeygenFlags {
  readonly validators: string
  readonly dir: string
  readonly epoch: string
  readonly host: string
  readonly port: string
  readonly httpPort: string
}

/** `drawbridge keygen`: the files of a new committee. Keys are written, never printed. */
export function registerKeygen(program: Command): void {
  program
    .command('keygen')
    .description('make a committee: a public file, and for each validator a secret file (mode 0600) and a config')
    .requiredOption('--validators <n>', 'how many validators')
    .requiredOption('--dir <dir>', 'folder for the files; nothing in it is overwritten')
    .option('--epoch <n>', 'number of the epoch', '0')
    .option('--host <host>', 'where the validators listen for each other', '127.0.0.1')
    .option('--port <n>', 'port of the first validator; the next ones count up', '9000')
    .option('--http-port <n>', 'port of the first validator for its users, on loopback; counts up too', '9100')
    .action(keygen)
}

async function keygen(flags: KeygenFlags): Promise<void> {
  const { makeCommittee } = await import('../replica/identity/keygen.ts')
  const validators = wholeNumber('--validators', flags.validators, 1, 1000)
  const { committee, configs } = makeCommittee({
    validators,
    folder: flags.dir,
    epoch: wholeNumber('--epoch', flags.epoch, 0, Number.MAX_SAFE_INTEGER),
    host: flags.host,
    port: wholeNumber('--port', flags.port, 1, 65_536 - validators),
    httpPort: wholeNumber('--http-port', flags.httpPort, 1, 65_536 - validators),
  })
  const commands = configs.map((config) => `  drawbridge consensus --config ${config}`)
  process.stdout.write(`wrote ${committee}; run each validator with\n${commands.join('\n')}\n`)
}

function wholeNumber(flag: string, text: string, lowest: number, highest: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= lowest && value <= highest) return value
  throw new UsageError(`${flag} is ${text}.`, `Write a whole number from ${lowest} to ${highest}.`)
}
