import { z } from 'zod'
import { nearest } from './nearest.ts'
import { type ConfigProblem, type KeyPath, shown, valueAt } from './problems.ts'
import { configSchema } from './schema.ts'

/** Words that the documentation of later versions knows and this version does not serve. */
const notYet: Readonly<Record<string, readonly string[]>> = {
  '': ['cache', 'admin'],
  'networks.*.kind': ['aztec'],
}

/**
 * Turns what the schema found into problems with sentences.
 *
 * @param raw the config as written, for the values in the sentences: before expansion, so that nothing from the
 *   environment is shown
 */
export function problemsOf(issues: readonly z.core.$ZodIssue[], raw: unknown): ConfigProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((key) => typeof key !== 'symbol')
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key]))
    if (issue.code === 'invalid_key') return [{ path, sentence: `${issue.issues[0]?.message ?? 'not a usable key'}.` }]
    return [{ path, sentence: sentenceOf(issue, path, valueAt(raw, path)) }]
  })
}

/** A sentence about a key that the schema does not have. */
export function unknownKey(path: KeyPath): ConfigProblem {
  const key = String(path.at(-1))
  const parent = path.slice(0, -1)
  if (parent.length === 0 && notYet['']?.includes(key)) return { path, sentence: notAvailable('Remove it') }
  const known = keysAt(parent)
  const near = nearest(key, known)
  const advice = near === undefined ? `known here: ${known.join(', ')}.` : `did you mean "${near}"?`
  return { path, sentence: `unknown key: ${advice}` }
}

function sentenceOf(issue: z.core.$ZodIssue, path: KeyPath, value: unknown): string {
  const wanted = issue.message.startsWith('Invalid input') ? 'write a table' : issue.message
  if (value === undefined) return `missing: ${wanted}.`
  const pattern = path.map((key, at) => (at === 1 ? '*' : key)).join('.')
  if (notYet[pattern]?.includes(String(value))) return notAvailable('Write another kind, or remove this network')
  if (Array.isArray(value) && value.length === 0) return `an empty list: ${wanted}.`
  return `${shown(value, path)} does not fit: ${wanted}.`
}

function notAvailable(nextStep: string): string {
  return `not available in this version. ${nextStep}.`
}

/** The keys that a config may hold at a path; empty where there is no table. */
export function keysAt(path: KeyPath): string[] {
  const found = path.reduce<z.core.$ZodType | undefined>((schema, key) => child(schema, key), configSchema)
  const table = unwrapped(found)
  return table instanceof z.ZodObject ? Object.keys(table.shape) : []
}

function child(schema: z.core.$ZodType | undefined, key: string | number): z.core.$ZodType | undefined {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodObject) return inner.shape[key]
  if (inner instanceof z.ZodRecord) return inner.valueType
  return inner instanceof z.ZodArray ? inner.element : undefined
}

function unwrapped(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  const wraps = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
  return wraps ? unwrapped(schema.unwrap()) : schema
}
