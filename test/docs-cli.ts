import type { Command, Option } from 'commander'
import { createProgram } from '../src/cli/main.ts'

/** What `docs/cli.md` says about one command: its heading, its usage and a row for each of its flags. */
export interface DocumentedCommand {
  readonly heading: string
  readonly usage: string
  readonly rows: readonly string[]
}

const program = await createProgram()

/** Every command of the program, those within others behind them. */
export function documentedCommands(): DocumentedCommand[] {
  return program.commands.flatMap((command) => below(command, 'drawbridge'))
}

/** The rows of the flags that every command takes. */
export function globalRows(): string[] {
  return rowsOf(program)
}

function below(command: Command, parent: string): DocumentedCommand[] {
  const name = `${parent} ${command.name()}`
  const inner = command.commands.flatMap((child) => below(child, name))
  const usage = `${name} ${command.usage()}`
  return [{ heading: `## ${name}`, usage, rows: rowsOf(command) }, ...inner]
}

function rowsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => option.long !== '--help')
    .map((option) => `| \`${option.flags.replaceAll('|', '\\|')}\` | ${defaultOf(option)} | ${option.description} |`)
}

function defaultOf({ defaultValue }: Option): string {
  const nothing = defaultValue === undefined || (Array.isArray(defaultValue) && defaultValue.length === 0)
  return nothing ? '' : `\`${defaultValue}\``
}
