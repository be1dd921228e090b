import { configJsonSchema } from '../src/config/json-schema.ts'

/** One key of the config, as the docs describe it. */
export interface DocumentedKey {
  /** `NAME` stands for the name of a network, `[]` for any position in a list. */
  readonly path: string
  readonly type: string
  readonly default: string
  readonly meaning: string
}

interface Schema {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | false
  readonly items?: Schema
  readonly required?: readonly string[]
}

/** Every key that holds a value, in the order of the schema. */
export function documentedKeys(): DocumentedKey[] {
  return below(configJsonSchema() as Schema, '')
}

/** The row of a key in the tables of `docs/config.md`. */
export function rowOf({ path, type, default: standard, meaning }: DocumentedKey): string {
  return `| \`${path}\` | ${type} | ${standard} | ${meaning} |`
}

function below(table: Schema, prefix: string): DocumentedKey[] {
  return Object.entries(table.properties ?? {}).flatMap(([key, schema]) => {
    const path = prefix + key
    if (schema.properties !== undefined) return below(schema, `${path}.`)
    if (schema.items?.properties !== undefined) return below(schema.items, `${path}[].`)
    const each = schema.additionalProperties
    if (each !== undefined && each !== false && each.properties !== undefined) return below(each, `${path}.NAME.`)
    const required = table.required?.includes(key) ?? false
    return [{ path, type: typeOf(schema), default: defaultOf(schema, required), meaning: schema.description ?? '' }]
  })
}

function typeOf(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`"${word}"\``).join(' or ')
  if (schema.type === 'array') return 'list of strings'
  if (schema.type === 'object') return 'table of strings'
  return schema.type ?? ''
}

function defaultOf(schema: Schema, required: boolean): string {
  if (required) return 'required'
  return schema.default === undefined ? 'none' : `\`${JSON.stringify(schema.default)}\``
}
