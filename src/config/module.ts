import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { DrawbridgeError, messageOf } from '../core/errors.ts'
import { redactText } from '../core/redact.ts'
import { ConfigFileError } from './problems.ts'

const packageName = 'drawbridge-rpc'

/**
 * Runs a TypeScript or JavaScript config and takes its default export: a config, a promise of one, or a function that
 * returns either.
 *
 * @throws {@link ConfigFileError} where the file does not load, throws, or exports nothing
 */
export async function loadModule(file: string): Promise<unknown> {
  const hooks = resolveOurselves()
  try {
    const { default: exported } = (await import(pathToFileURL(file).href)) as { default?: unknown }
    const data: unknown = typeof exported === 'function' ? await exported() : await exported
    if (typeof data === 'object' && data !== null) return data
    throw new ConfigFileError(
      `${file} has no config as its default export.`,
      'Write "export default defineConfig({ … })".',
    )
  } catch (error) {
    throw error instanceof DrawbridgeError ? error : moduleError(file, error)
  } finally {
    hooks.deregister()
  }
}

// A program installed globally is not in the node_modules of the folder that holds the config.
function resolveOurselves() {
  const index = new URL(import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js', import.meta.url).href
  return registerHooks({
    resolve: (specifier, context, next) =>
      specifier === packageName ? { url: index, shortCircuit: true } : next(specifier, context),
  })
}

function moduleError(file: string, error: unknown): ConfigFileError {
  const [message = ''] = redactText(messageOf(error)).split('\n')
  const where = placeOf(file, error)
  return new ConfigFileError(`${where}: the config does not load: ${message}`, 'Correct the file.', error)
}

// Node puts "path:line", the line and a caret before the stack of a syntax error, and "path:line:column" into any other.
function placeOf(file: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const at = stack.indexOf(file)
  const place = at < 0 ? undefined : /^:(\d+)(?::(\d+))?/.exec(stack.slice(at + file.length))
  if (place === null || place === undefined) return file
  const caret = /^( *)\^/m.exec(stack)?.[1]
  const column = place[2] ?? (caret === undefined ? undefined : caret.length + 1)
  return column === undefined ? `${file}:${place[1]}` : `${file}:${place[1]}:${column}`
}
