import { createReadStream } from 'node:fs'
import { Command } from 'commander'
import { z } from 'zod'
import { BadDagText } from '../consensus/dag-names.ts'
import { decideTextDag, type TextDag } from '../consensus/text-dag.ts'
import { DrawbridgeError } from '../core/errors.ts'

const stake = z
  .int()
  .min(1)
  .max(2 ** 40)
const threshold = z.int().min(0)

const textDag: z.ZodType<TextDag> = z
  .object({
    seed: z.number().default(0),
    stakes: z.array(stake).min(1).max(1000),
    waveLength: z.int().min(3).max(100),
    leadersPerRound: z.int().min(1).max(1000),
    pipelined: z.boolean(),
    directCommitQuorum: threshold,
    directSkipQuorum: threshold,
    certificateQuorum: threshold,
    anchorLink: threshold,
    blocks: z.array(z.tuple([z.string(), z.array(z.string())])),
  })
  .refine(({ leadersPerRound, stakes }) => leadersPerRound <= stakes.length, {
    path: ['leadersPerRound'],
    message: 'there are more leaders than authorities',
  })

/** Longest line that is read: a thousand rounds of a hundred authorities fit. */
const maxLine = 256 * 1024 * 1024

async function* linesOf(input: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of input) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > maxLine) throw new DrawbridgeError('BAD_DAG_TEXT', `A line is longer than ${maxLine} characters.`)
    yield* parts
  }
  yield rest
}

function parseLine(line: string): TextDag {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    throw new BadDagText('It is not JSON.')
  }
  const parsed = textDag.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new BadDagText(`${issue?.path.join('.') || 'The object'}: ${issue?.message ?? 'unreadable'}.`)
}

function answer(line: string, number: number): string {
  try {
    const dag = parseLine(line)
    return JSON.stringify({ seed: dag.seed, decisions: decideTextDag(dag) })
  } catch (cause) {
    if (!(cause instanceof DrawbridgeError)) throw cause
    throw new DrawbridgeError('BAD_DAG_TEXT', `Line ${number}: ${cause.message}`, {
      nextStep: 'Each line is one JSON object with stakes, thresholds and blocks.',
      cause,
    })
  }
}

/**
 * Decides DAGs given as JSON lines and writes `{"seed", "decisions"}` for each, in order. Empty lines are passed over.
 *
 * @throws DrawbridgeError `BAD_DAG_TEXT` with the number of the first line that is no DAG.
 * @example
 * await decide(readFileSync('dags.jsonl', 'utf8'), (text) => process.stdout.write(text))
 */
export async function decide(input: AsyncIterable<string> | string, write: (text: string) => void): Promise<void> {
  let number = 0
  for await (const line of linesOf(typeof input === 'string' ? [input] : input)) {
    number++
    if (line.trim() !== '') write(`${answer(line, number)}\n`)
  }
}

function open(file: string): AsyncIterable<string> {
  return file === '-' ? process.stdin.setEncoding('utf8') : createReadStream(file, 'utf8')
}

async function decideFile(file: string): Promise<void> {
  try {
    await decide(open(file), (text) => process.stdout.write(text))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined || !['ENOENT', 'EISDIR', 'EACCES'].includes(code)) throw cause
    const problem = code === 'ENOENT' ? `There is no file ${file}.` : `${file} cannot be read (${code}).`
    throw new DrawbridgeError('NO_SUCH_FILE', problem, {
      nextStep: 'Give - to read from stdin.',
      cause,
    })
  }
}

/** `drawbridge consensus decide FILE|-`: hang it below the `consensus` command. */
export function decideCommand(): Command {
  return new Command('decide')
    .description('decide DAGs given as JSON lines; one answer a line')
    .argument('<file>', 'file of JSON lines, or - for stdin')
    .action(decideFile)
}
