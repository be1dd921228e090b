import type { Command } from 'commander'
import type { ErrorEvidence, Evidence, Verdict } from '../rpc/error-classes.ts'
import { effectWords } from './effect-words.ts'
import { UsageError } from './failure.ts'

interface ExplainFlags {
  readonly method: string
  readonly status: string
  readonly vendor?: string
}

/** `drawbridge explain`: how an upstream's answer is judged, and what follows from it. */
export function registerExplain(program: Command): void {
  program
    .command('explain')
    .description("say how an upstream's error is classified, and what the gateway does about it")
    .argument('<answer>', 'a JSON-RPC answer or its error, as JSON; "-" reads it from standard input')
    .option('--method <name>', 'method that was called', 'eth_call')
    .option('--status <code>', 'HTTP status of the answer', '200')
    .option('--vendor <name>', 'vendor of the upstream, as in the config')
    .action(async (answer: string, flags: ExplainFlags) => {
      process.stdout.write(await explain(answer === '-' ? await standardInput() : answer, flags))
    })
}

async function explain(text: string, { method, status, vendor }: ExplainFlags): Promise<string> {
  if (!/^[1-5]\d\d$/.test(status))
    throw new UsageError('The status given with --status does not fit.', 'Write for example: --status 429')
  const [{ classify }, { scanResponse }] = await Promise.all([
    import('../rpc/error-classes.ts'),
    import('../rpc/scan-response.ts'),
  ])
  const body = Buffer.from(text.trim())
  const whole = scanResponse(body)
  if (whole.kind === 'result') return 'a result: the answer. No result is ever searched for words.\n'
  const error = whole.kind === 'error' ? whole : await bareError(body)
  const evidence: Evidence = { method, httpStatus: Number(status), vendor }
  return table(classify(error === undefined ? { ...evidence, notAnAnswer: true } : { ...evidence, error }))
}

/** The error object alone, as people copy it out of a log; undefined for what is no JSON at all. */
async function bareError(body: Buffer): Promise<ErrorEvidence | undefined> {
  const { readError } = await import('../rpc/rpc-error.ts')
  try {
    const { code, message, hasData, data } = readError(body)
    return code === undefined && message === '' ? undefined : { code, message, hasData, data }
  } catch {
    return undefined
  }
}

function table({ class: name, rule, effect }: Verdict): string {
  const rows = [
    ['class', `${name}: ${effect.meaning}`],
    ['rule', rule],
    ['blamed', effect.blamed ? 'yes: it counts against the upstream' : 'no'],
    ['next', effectWords[effect.retry]],
    ['remembered', effectWords[effect.remember]],
    ['client', effectWords[effect.client]],
  ]
  return rows.map(([title, words]) => `${title?.padEnd(12)}${words}\n`).join('')
}

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks).toString()
}
