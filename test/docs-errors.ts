import { clientErrors } from '../src/rpc/client-errors.ts'
import { type Effect, type ErrorClass, effects } from '../src/rpc/error-classes.ts'

/** The row of every class of upstream error in the table of `docs/errors.md`. */
export function classRows(): string[] {
  return Object.entries(effects).map(([name, effect]) => rowOf(name as ErrorClass, effect))
}

/** The words that the rows use, which the page explains. */
export function effectWords(): string[] {
  const all = Object.values(effects)
  return [...new Set(all.flatMap(({ retry, remember, client }) => [retry, remember, client]))]
}

function rowOf(name: ErrorClass, { meaning, blamed, retry, remember, client }: Effect): string {
  return `| \`${name}\` | ${meaning} | ${blamed ? 'yes' : 'no'} | ${retry} | ${remember} | ${client} |`
}

/** The row of every error that Drawbridge answers itself. */
export function refusalRows(): string[] {
  return Object.values(clientErrors).map(
    ({ class: name, code, status, message, nextStep }) =>
      `| \`${name}\` | ${code} | ${status} | ${message} | ${nextStep} |`,
  )
}
