import type { ConfigProblem, KeyPath } from './problems.ts'

/** The variables that a config may name. */
export type Environment = Readonly<Record<string, string | undefined>>

// A TypeScript config may hold a table that contains itself.
const deepest = 12

/** What {@link expandEnvironment} made of a config. */
export interface Expansion {
  /** The config with every `${NAME}` replaced. */
  readonly data: unknown
  readonly problems: readonly ConfigProblem[]
  /** Every value taken from the environment, and where it went. */
  readonly taken: readonly { readonly path: KeyPath; readonly value: string }[]
}

/**
 * Replaces `${NAME}` by the environment variable of that name in every string of a config; `$${` stands for a literal
 * `${`. A variable that is not set, or is empty, is a problem: an empty key would only fail later and elsewhere.
 */
export function expandEnvironment(data: unknown, environment: Environment): Expansion {
  const problems: ConfigProblem[] = []
  const taken: { path: KeyPath; value: string }[] = []

  function expandString(text: string, path: KeyPath): string {
    return text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (whole, name: string | undefined, close: string) => {
      if (whole === '$${' || name === undefined) return '${'
      const sentence = problemOf(name, close, environment)
      if (sentence !== undefined) {
        problems.push({ path, sentence })
        return whole
      }
      const value = environment[name]!
      taken.push({ path, value })
      return value
    })
  }

  function expand(value: unknown, path: KeyPath): unknown {
    if (typeof value === 'string') return expandString(value, path)
    if (path.length > deepest) {
      problems.push({ path: path.slice(0, 3), sentence: 'nested deeper than any key: remove what is below it.' })
      return undefined
    }
    if (Array.isArray(value)) return value.map((item, at) => expand(item, [...path, at]))
    if (!isPlainObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item, [...path, key])]))
  }

  return { data: expand(data, []), problems, taken }
}

function problemOf(name: string, close: string, environment: Environment): string | undefined {
  if (close === '' || !/^[A-Za-z_]\w*$/.test(name)) {
    return `a "\${" without a variable name and "}" after it: write \${NAME}, or $\${ for a literal "\${".`
  }
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined
  if (value !== undefined && value !== '') return undefined
  return `the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}: set it, or write $\${ for a literal "\${".`
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
