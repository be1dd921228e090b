import type { Command } from 'commander'
import { printFailure } from './failure.ts'

interface CheckFlags {
  readonly config?: string
  readonly schema?: boolean
}

/** `drawbridge check`: validates a config and prints what it comes to. */
export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('validate a config file and print it with every default, secrets hidden')
    .option('--config <file>', 'config file; looked for in the working directory when left out')
    .option('--schema', 'print the JSON Schema of config files instead')
    .action(async (flags: CheckFlags) => {
      if (flags.schema === true) await printSchema()
      else await check(flags.config)
    })
}

async function printSchema(): Promise<void> {
  const { configJsonSchema } = await import('../config/json-schema.ts')
  process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`)
}

// An invalid file is the answer that was asked for, not wrong usage: exit code 1.
async function check(file: string | undefined): Promise<void> {
  const [{ loadConfig }, { effectiveConfigText }] = await Promise.all([
    import('../config/load.ts'),
    import('../config/effective.ts'),
  ])
  try {
    const loaded = await loadConfig({ file, directory: process.cwd(), environment: process.env })
    process.stdout.write(await effectiveConfigText(loaded))
  } catch (error) {
    printFailure(error)
    process.exitCode = 1
  }
}
