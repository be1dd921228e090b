import { messageOf } from '../core/errors.ts'
import { JsonSyntaxError, parseJson } from './json.ts'
import { ConfigFileError } from './problems.ts'

/** The formats that are text alone; TypeScript and JavaScript are run, see `module.ts`. */
export type TextFormat = 'TOML' | 'YAML' | 'JSON'

/** What a parser objects to. Never a piece of the file, which may hold keys. */
interface SyntaxProblem {
  readonly message: string
  readonly line: number
  readonly column: number
}

/**
 * Reads a config from text.
 *
 * @throws {@link ConfigFileError} with line and column where the text is not in the format
 */
export async function parseText(text: string, format: TextFormat, file: string): Promise<unknown> {
  const result = await parsers[format](text.replace(/^\uFEFF/, ''))
  if ('data' in result) return result.data
  const { message, line, column } = result
  throw new ConfigFileError(
    `${file}:${line}:${column}: this is not valid ${format}: ${message}.`,
    `Correct line ${line} of the file.`,
  )
}

const parsers: Record<TextFormat, (text: string) => Promise<{ data: unknown } | SyntaxProblem>> = {
  TOML: parseToml,
  YAML: parseYaml,
  JSON: async (text) => {
    try {
      return { data: parseJson(text) }
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error
      return { message: error.message, ...positionOf(text, error.offset) }
    }
  },
}

async function parseToml(text: string): Promise<{ data: unknown } | SyntaxProblem> {
  const { parse, TomlError } = await import('smol-toml')
  try {
    return { data: parse(text) }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [first = ''] = messageOf(error).split('\n')
    return { message: first.replace(/^Invalid TOML document: /, ''), line: error.line, column: error.column }
  }
}

async function parseYaml(text: string): Promise<{ data: unknown } | SyntaxProblem> {
  const { parseDocument } = await import('yaml')
  const document = parseDocument(text, { prettyErrors: false, strict: true })
  const [error] = document.errors
  if (error !== undefined) return { message: lowerFirst(error.message), ...positionOf(text, error.pos[0]) }
  try {
    return { data: document.toJS({ maxAliasCount: 100 }) ?? {} }
  } catch (thrown) {
    return { message: lowerFirst(messageOf(thrown)), line: 1, column: 1 }
  }
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split('\n')
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}
