import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../fake/until.ts'

export interface LaunchOptions {
  readonly folder: string
  readonly env?: NodeJS.ProcessEnv
}

/** A program started by a test; its output goes to `NAME.log` in the folder. */
export interface Launched {
  readonly name: string
  readonly child: ChildProcess
  readonly pid: number
  readonly log: string
  /** The output so far. */
  output(): string
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** Stops it where it stands: its sockets stay open and silent. */
  freeze(): void
  thaw(): void
}

const running = new Set<ChildProcess>()
const killAll = (): void => {
  for (const child of running) child.kill('SIGKILL')
}
process.on('exit', killAll)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

/** Starts a program that ends with this process at the latest. */
export function launch(name: string, command: string, args: readonly string[], options: LaunchOptions): Launched {
  const log = join(options.folder, `${name}.log`)
  const file = createWriteStream(log, { flags: 'a' })
  // Some programs leave files in their working directory.
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.folder,
    env: { ...process.env, ...options.env },
  })
  running.add(child)
  child.stdout.pipe(file, { end: false })
  child.stderr.pipe(file, { end: false })
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  }).then(() => {
    running.delete(child)
  })
  return {
    name,
    child,
    log,
    pid: child.pid ?? 0,
    output: () => readFileSync(log, 'utf8'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill: async () => {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Waits until a program is ready; says with its last lines when it is not, or when it died. */
export async function ready(program: Launched, isReady: () => Promise<unknown>, deadlineMs = 60_000): Promise<void> {
  const end = performance.now() + deadlineMs
  await until(
    async () => {
      if (program.child.exitCode !== null || performance.now() > end) return true
      return isReady()
    },
    { deadlineMs: deadlineMs + 5000, intervalMs: 50 },
  )
  const failed = program.child.exitCode !== null ? 'ended' : performance.now() > end ? 'did not get ready' : undefined
  if (failed === undefined) return
  await program.kill()
  throw new Error(`${program.name} ${failed}; its last lines:\n${program.output().split('\n').slice(-15).join('\n')}`)
}
