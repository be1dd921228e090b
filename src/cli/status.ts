import type { Command } from 'commander'
import { DrawbridgeError, messageOf } from '../core/errors.ts'
import { redactUrl } from '../core/redact.ts'
import { UsageError } from './failure.ts'

interface StatusFlags {
  readonly url: string
  readonly json?: boolean
}

const longestWaitMs = 10_000

/** `drawbridge status`: one look at a running gateway. */
export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('print the state of a running gateway')
    .option('--url <url>', 'address of the gateway', 'http://127.0.0.1:8080')
    .option('--json', 'print the snapshot as JSON')
    .action(async (flags: StatusFlags) => {
      const snapshot = await fetchStatus(flags.url)
      const { statusTable } = await import('./status-table.ts')
      process.stdout.write(flags.json === true ? `${JSON.stringify(snapshot, undefined, 2)}\n` : statusTable(snapshot))
    })
}

async function fetchStatus(text: string): Promise<unknown> {
  const url = statusUrl(text)
  const response = await fetch(url, { signal: AbortSignal.timeout(longestWaitMs) }).catch((error: unknown) => {
    const reason = error instanceof Error && error.cause !== undefined ? error.cause : error
    throw unreachable(text, `does not answer: ${messageOf(reason)}`)
  })
  if (!response.ok) throw unreachable(text, `answers ${response.status} to GET /status`)
  return response.json().catch(() => {
    throw unreachable(text, 'does not answer with JSON')
  })
}

function statusUrl(text: string): URL {
  const withScheme = text.includes('://') ? text : `http://${text}`
  if (!URL.canParse(withScheme) || !/^https?:/i.test(withScheme)) {
    throw new UsageError('The address given with --url does not fit.', 'Write for example: --url http://127.0.0.1:8080')
  }
  return new URL('/status', withScheme)
}

function unreachable(url: string, what: string): DrawbridgeError {
  return new DrawbridgeError('STATUS_UNREACHABLE', `${redactUrl(url)} ${what}.`, {
    nextStep: 'Start a gateway with "drawbridge serve", or name its address with --url.',
  })
}
