import type { Command } from 'commander'

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export const logFormats = ['pretty', 'json'] as const
export type LogLevel = (typeof logLevels)[number]
export type LogFormat = (typeof logFormats)[number]

/** The flags that every command takes. */
export interface GlobalFlags {
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

/** The global flags, as given before or behind the name of the command. */
export function globalFlags(command: Command): GlobalFlags {
  const { logLevel, logFormat } = command.optsWithGlobals<Partial<GlobalFlags>>()
  return { logLevel: logLevel ?? 'info', logFormat: logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json') }
}
