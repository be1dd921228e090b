import { readFile, stat } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import { messageOf } from '../core/errors.ts'
import type { GatewayOptions } from '../gateway/options.ts'
import { crossChecks } from './cross-checks.ts'
import { type Environment, expandEnvironment } from './environment.ts'
import { parseText, type TextFormat } from './formats.ts'
import { problemsOf } from './issues.ts'
import { ConfigError, ConfigFileError, type ConfigProblem, pathText } from './problems.ts'
import { secretsOf } from './redact.ts'
import { toOptions } from './resolve.ts'
import { configSchema } from './schema.ts'

/** Where a config is looked for when none is named, the first that exists. */
export const searchedFiles = [
  'drawbridge.config.ts',
  'drawbridge.config.toml',
  'drawbridge.config.yaml',
  'drawbridge.config.json',
]

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

const formatOf: Readonly<Record<string, TextFormat | 'module'>> = {
  '.toml': 'TOML',
  '.yaml': 'YAML',
  '.yml': 'YAML',
  '.json': 'JSON',
  '.ts': 'module',
  '.mts': 'module',
  '.js': 'module',
  '.mjs': 'module',
}
const longestFile = 4_000_000
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
  const path = file === undefined ? await findFile(directory) : resolve(directory, file)
  return validateConfig(await readConfig(path), basename(path), environment)
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
    ...crossChecks(data),
  ]
  if (found.length > 0 || !result.success) throw new ConfigError(source, firstPerPath(found))
  const options = toOptions(result.data)
  return { options, source, secrets: secretsOf(options, taken) }
}

async function findFile(directory: string): Promise<string> {
  for (const name of searchedFiles) {
    const path = join(directory, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined) return path
  }
  throw new ConfigFileError(
    `There is no ${searchedFiles.join(', ')} in ${directory}.`,
    'Write one, name one with --config FILE, or give the URLs: drawbridge serve http://127.0.0.1:8545',
  )
}

async function readConfig(path: string): Promise<unknown> {
  const format = formatOf[extname(path).toLowerCase()]
  if (format === undefined) {
    throw new ConfigFileError(
      `${path} is of no known format.`,
      `Name a file that ends in ${Object.keys(formatOf).join(', ')}.`,
    )
  }
  const text = await readText(path)
  if (format !== 'module') return parseText(text, format, basename(path))
  const { loadModule } = await import('./module.ts')
  return loadModule(path)
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > longestFile) throw new Error(`the file has ${size} bytes; ${longestFile} are read at most`)
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (error) {
    throw new ConfigFileError(
      `${path} cannot be read: ${reasonOf(error)}.`,
      'Name a text file that exists and that you may read.',
      error,
    )
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
    ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
  }
  return reasons[String(code)] ?? messageOf(error)
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
