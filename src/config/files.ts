import { readFile, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { parseText, type TextFormat } from './formats.ts'
import { ConfigFileError } from './problems.ts'

/** Where a config is looked for when none is named, the first that exists. */
export const searchedFiles = [
  'drawbridge.config.ts',
  'drawbridge.config.toml',
  'drawbridge.config.yaml',
  'drawbridge.config.json',
]

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

/**
 * The first of {@link searchedFiles} in a directory.
 *
 * @throws {@link ConfigFileError} when there is none
 */
export async function findConfigFile(directory: string): Promise<string> {
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

/**
 * What a config file holds, not yet validated.
 *
 * @throws {@link ConfigFileError} when it cannot be read or parsed
 */
export async function readConfigFile(path: string): Promise<unknown> {
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
