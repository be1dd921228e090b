import { effectWords } from '../src/cli/effect-words.ts'
import { clientErrors } from '../src/rpc/client-errors.ts'
import { type Effect, type ErrorClass, effects } from '../src/rpc/error-classes.ts'

/** The row of every class of upstream error in the table of `docs/errors.md`. */
export function classRows(): string[] {
  return Object.entries(effects).map(([name, effect]) => rowOf(name as ErrorClass, effect))
}

/** The row of every word that an effect may use, in the table that explains them. */
export function wordRows(): string[] {
  return Object.entries(effectWords).map(([word, meaning]) => `| \`${word}\` | ${meaning} |`)
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
