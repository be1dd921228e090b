import { DrawbridgeError, messageOf } from '../core/errors.ts'
import { redactText } from '../core/redact.ts'

/** A command that was written wrongly. */
export class UsageError extends DrawbridgeError {
  constructor(message: string, nextStep: string, cause?: unknown) {
    super('USAGE', message, { nextStep, cause })
  }
}

const wrongInput = new Set(['USAGE', 'CONFIG_INVALID', 'CONFIG_UNREADABLE'])

/** 2 for what the user wrote wrongly, 1 for everything that went wrong otherwise. */
export function exitCodeOf(error: unknown): 1 | 2 {
  return error instanceof DrawbridgeError && wrongInput.has(error.code) ? 2 : 1
}

/** Prints an error for a person: what happened and what to do, without secrets; a stack only for what nobody foresaw. */
export function printFailure(error: unknown): void {
  process.stderr.write(`drawbridge: ${redactText(textOf(error))}\n`)
}

function textOf(error: unknown): string {
  if (error instanceof DrawbridgeError) return error.explained
  const ofTheSystem = error instanceof Error && 'code' in error
  return ofTheSystem || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message)
}
