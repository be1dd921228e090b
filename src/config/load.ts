import { basename, resolve } from 'node:path'
import type { GatewayOptions } from '../gateway/options.ts'
import { crossChecks } from './cross-checks.ts'
import { type Environment, expandEnvironment } from './environment.ts'
import { findConfigFile, readConfigFile } from './files.ts'
import { problemsOf } from './issues.ts'
import { ConfigError, type ConfigProblem, pathText } from './problems.ts'
import { secretsOf } from './redact.ts'
import { toOptions } from './resolve.ts'
import { configSchema } from './schema.ts'

/** A config that is ready to be used. */
export interface LoadedConfig {
  readonly options: GatewayOptions
  /** The file, or "the command line". */
  readonly source: string
  /** What may not appear in any output. */
  readonly secrets: readonly string[]
}

/** Where {@link loadConfig} looks. */
export interface LoadSource {
  /** A file named by the user. Left out: {@link searchedFiles} in `directory`. */
  readonly file?: string | undefined
  readonly directory: string
  readonly environment: Environment
}

// Deeper than any key; what is deeper than that is reported by the expansion.
const deepest = 12

/**
 * Finds, reads, expands and validates a config file.
 *
 * @throws {@link ConfigFileError} when there is no file or it cannot be read or parsed
 * @throws {@link ConfigError} with everything that is wrong in it
 *
 * @example
 * const { options } = await loadConfig({ directory: process.cwd(), environment: process.env })
 */
export async function loadConfig({ file, directory, environment }: LoadSource): Promise<LoadedConfig> {
  const path = file === undefined ? await findConfigFile(directory) : resolve(directory, file)
  return validateConfig(await readConfigFile(path), basename(path), environment)
}

/**
 * Validates a config that is already in memory.
 *
 * @param source what to call it in messages
 * @throws {@link ConfigError} with everything that is wrong
 */
export function validateConfig(raw: unknown, source: string, environment: Environment): LoadedConfig {
  const { data, problems, taken } = expandEnvironment(raw, environment)
  const result = configSchema.safeParse(data)
  const found = [
    ...problems,
    ...forbiddenKeys(data, []),
    ...(result.success ? [] : problemsOf(result.error.issues, raw)),
    ...crossChecks(data, raw),
  ]
  if (found.length > 0 || !result.success) throw new ConfigError(source, firstPerPath(found))
  const options = toOptions(result.data)
  return { options, source, secrets: secretsOf(options, taken) }
}

// A record leaves "__proto__" out without a word.
function forbiddenKeys(value: unknown, path: (string | number)[]): ConfigProblem[] {
  if (typeof value !== 'object' || value === null || path.length > deepest) return []
  const own = Object.hasOwn(value, '__proto__')
  const here = own ? [{ path: [...path, '__proto__'], sentence: 'not a usable key: remove it.' }] : []
  const below = Object.entries(value).filter(([key]) => key !== '__proto__')
  return [...here, ...below.flatMap(([key, item]) => forbiddenKeys(item, [...path, keyOf(value, key)]))]
}

function keyOf(parent: object, key: string): string | number {
  return Array.isArray(parent) ? Number(key) : key
}

// A key whose variable is missing would be reported again for what stands in its place.
function firstPerPath(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const byPath = new Map<string, ConfigProblem>()
  for (const problem of problems) {
    const key = pathText(problem.path)
    if (!byPath.has(key)) byPath.set(key, problem)
  }
  return [...byPath.values()]
}
