import { isDate } from 'node:util/types'
import { DrawbridgeError } from '../core/errors.ts'
import { redactText, redactUrl } from '../core/redact.ts'

/** Where in a config a value stands: keys and list positions from the top. */
export type KeyPath = readonly (string | number)[]

/** One thing that is wrong with a config. */
export interface ConfigProblem {
  readonly path: KeyPath
  /** What is wrong and what to write instead; begins behind the key path, ends with a full stop, holds no secret. */
  readonly sentence: string
}

/** A config that cannot be used. Lists everything that is wrong with it, not only the first. */
export class ConfigError extends DrawbridgeError {
  readonly problems: readonly ConfigProblem[]

  constructor(where: string, problems: readonly ConfigProblem[], cause?: unknown) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
    super('CONFIG_INVALID', `${where} has ${count}:\n${problems.map(lineOf).join('\n')}`, {
      cause,
      nextStep: 'Every key is described in docs/config.md; "drawbridge check" validates without serving.',
    })
    this.problems = problems
  }

  override get explained(): string {
    return `${this.message}\n${this.nextStep}`
  }
}

/** A config that could not be found, read or parsed. */
export class ConfigFileError extends DrawbridgeError {
  constructor(message: string, nextStep: string, cause?: unknown) {
    super('CONFIG_UNREADABLE', message, { nextStep, cause })
  }
}

function lineOf({ path, sentence }: ConfigProblem): string {
  return path.length === 0 ? `  ${sentence}` : `  ${pathText(path)}: ${sentence}`
}

/**
 * A key path as people write it.
 *
 * @example
 * pathText(['networks', 'el', 'upstreams', 0, 'url']) // 'networks.el.upstreams[0].url'
 */
export function pathText(path: KeyPath): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    if (!/^[\w-]{1,64}$/.test(key)) return `${text}[${JSON.stringify(clipped(redactText(key)))}]`
    return text === '' ? key : `${text}.${key}`
  }, '')
}

/** The value at a path, or undefined. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string | number, unknown>)[key]
        : undefined,
    root,
  )
}

/** A value as it may stand in a message: short, and without secrets. */
export function shown(value: unknown, path: KeyPath): string {
  if (path.includes('headers') || /token|secret|password|key$/i.test(String(path.at(-1))))
    return 'the value given (hidden)'
  if (typeof value === 'string') return JSON.stringify(clipped(shownString(value, path)))
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  return kindOf(value)
}

function shownString(value: string, path: KeyPath): string {
  const wantsUrl = path.at(-1) === 'url' || path.at(-1) === 'ws' || value.includes('@')
  if (wantsUrl || /:[/\\]/.test(value)) return redactUrl(value)
  return /[A-Za-z0-9+_=-]{20,}/.test(value) ? '***' : redactText(value)
}

function clipped(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (isDate(value)) return 'a date'
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' ? 'a table' : `a ${typeof value}`
}
