import { z } from 'zod'
import { configSchema } from './schema.ts'

/** The JSON Schema (draft 2020-12) of a config file, with descriptions and defaults, for editors and for the docs. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, { io: 'input' })
  return { ...schema, title: 'Drawbridge config' }
}
