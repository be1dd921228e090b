import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { DrawbridgeError, messageOf } from '../core/errors.ts'

/** A running anvil. */
export interface Anvil {
  readonly pid: number
  readonly url: string
  readonly port: number
  /** Resolves when the process has ended, whoever ended it. */
  readonly ended: Promise<void>
  kill(): void
}

// One genesis for all of them, so that their chains can agree.
const chainArguments = ['--timestamp', '1700000000', '--no-mining', '--order', 'fifo', '--slots-in-an-epoch', '2']
const longestStartMs = 10_000

/**
 * Where the anvil binary lies: in the optional dependency, else on the PATH.
 *
 * @throws DrawbridgeError `ANVIL_MISSING` with a sentence on how to get it
 */
export function findAnvil(path: string = process.env['PATH'] ?? ''): string {
  const name = process.platform === 'win32' ? 'anvil.exe' : 'anvil'
  const found = [packagedAnvil(), ...path.split(delimiter).map((folder) => join(folder, name))].find(
    (file) => file !== undefined && existsSync(file),
  )
  if (found !== undefined) return found
  throw new DrawbridgeError('ANVIL_MISSING', 'The demo needs anvil, a small Ethereum node, and found none.', {
    nextStep: 'Install Foundry (https://getfoundry.sh) so that "anvil" is on the PATH, then run the demo again.',
  })
}

function packagedAnvil(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  try {
    const manifest = createRequire(import.meta.url).resolve('@foundry-rs/anvil-linux-amd64/package.json')
    return join(dirname(manifest), 'bin', 'anvil')
  } catch {
    return undefined
  }
}

/**
 * Starts an anvil that builds blocks only when told to.
 *
 * @param port 0 takes a port of the system's choice
 */
export async function startAnvil(binary: string, port: number, clock: Clock): Promise<Anvil> {
  // A group of its own: Ctrl+C in the terminal must reach the gateway before its nodes vanish.
  const child = spawn(binary, ['--host', '127.0.0.1', '--port', String(port), ...chainArguments], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const listening = await listeningPort(child, clock).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw new DrawbridgeError('ANVIL_FAILED', `anvil did not start: ${messageOf(error)}`, { cause: error })
  })
  guard(child.pid!, ended)
  return {
    pid: child.pid!,
    port: listening,
    url: `http://127.0.0.1:${listening}`,
    ended,
    kill: () => void child.kill('SIGKILL'),
  }
}

function listeningPort(child: ChildProcess, clock: Clock): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = ''
    const timer = clock.after(longestStartMs, () => reject(new Error(`silent for ${longestStartMs} ms`)))
    const read = (chunk: Buffer): void => {
      // It logs every call: once it listens, nothing is kept.
      if (timer.due > 0 && output.length < 100_000) output += chunk
      const port = /Listening on [\d.]+:(\d+)/.exec(output)?.[1]
      if (port !== undefined) done(() => resolve(Number(port)))
    }
    const done = (settle: () => void): void => {
      clock.clear(timer)
      child.stdout?.off('data', read).resume()
      settle()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', (chunk: Buffer) => {
      if (output.length < 100_000) output += chunk
    })
    child.once('error', (error) => done(() => reject(error)))
    child.once('exit', () => done(() => reject(new Error(lastLine(output)))))
  })
}

/**
 * Ends the anvil when this process is gone without having done so, killed with SIGKILL for one: the guard's standard
 * input then ends.
 */
function guard(pid: number, ended: Promise<void>): void {
  if (process.platform === 'win32') return
  const watching = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$1"', 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watching.on('error', () => {})
  watching.unref()
  // Before its number is given to another process.
  void ended.then(() => watching.kill('SIGKILL'))
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) || 'it ended at once'
}
