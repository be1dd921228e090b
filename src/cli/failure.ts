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

/** Prints an error for a person: what happened and what to do, without a stack and without secrets. */
export function printFailure(error: unknown): void {
  const text = error instanceof DrawbridgeError ? error.explained : messageOf(error)
  process.stderr.write(`drawbridge: ${redactText(text)}\n`)
}
