import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeCommittee } from '../src/replica/identity/keygen.ts'
import type { Figures, Order } from './committee-validator.ts'

/*
 * Four validators as four processes on this machine, over TLS, with fsync before every own block. The load generator
 * runs inside the validators, so HTTP is not measured.
 *
 * node bench/committee.ts [--rates 1000,10000,40000] [--seconds 15] [--round-delay 10]
 */

const transactionBytes = 512
const validators = 4

interface Arguments {
  readonly rates: readonly number[]
  readonly seconds: number
  readonly roundDelayMs: number
}

/** Runs the benchmark and prints a line per rate. */
export async function benchCommittee({ rates, seconds, roundDelayMs }: Arguments): Promise<void> {
  console.log(
    `${validators} processes over TLS and disk, ${transactionBytes}-byte transactions, minRoundDelayMs ${roundDelayMs}`,
  )
  console.log(
    '   tx/s wanted   ordered/s   p50 ms   p90 ms   p99 ms   rounds/s   CPU %/process   RSS MB   grown   peak   refused',
  )
  for (const rate of rates) console.log(rowOf(rate, seconds, await measure(rate, seconds, roundDelayMs)))
}

function rowOf(rate: number, seconds: number, all: readonly Figures[]): string {
  const latencies = Float64Array.from(all.flatMap(({ latenciesMs }) => latenciesMs)).sort()
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? Number.NaN).toFixed(1)
  const most = (read: (figures: Figures) => number): number => Math.max(...all.map(read))
  const mean = (read: (figures: Figures) => number): number => all.reduce((sum, one) => sum + read(one), 0) / all.length
  const cells = [
    [rate, 13],
    [(mean(({ ordered }) => ordered) / seconds).toFixed(0), 11],
    [at(0.5), 8],
    [at(0.9), 8],
    [at(0.99), 8],
    [(mean(({ rounds }) => rounds) / seconds).toFixed(0), 10],
    [mean(({ cpuPercent }) => cpuPercent).toFixed(0), 15],
    [most(({ rssMegabytes }) => rssMegabytes).toFixed(0), 8],
    [most(({ rssGrowthMegabytes }) => rssGrowthMegabytes).toFixed(0), 7],
    [most(({ peakRssMegabytes }) => peakRssMegabytes).toFixed(0), 6],
    [all.reduce((sum, { refused }) => sum + refused, 0), 9],
  ] as const
  return cells.map(([text, width]) => String(text).padStart(width)).join(' ')
}

async function measure(rate: number, seconds: number, roundDelayMs: number): Promise<readonly Figures[]> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-bench-'))
  const children: ChildProcess[] = []
  try {
    const base = 20_000 + Math.floor(Math.random() * 20_000)
    const { configs, committee } = makeCommittee({
      validators,
      folder,
      epoch: 0,
      host: '127.0.0.1',
      port: base,
      httpPort: base + 100,
    })
    setRoundDelay(committee, roundDelayMs)
    const program = fileURLToPath(new URL('committee-validator.ts', import.meta.url))
    for (const config of configs) children.push(fork(program, [config]))
    await Promise.all(children.map((child) => heard<'ready'>(child)))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const order: Order = { perSecond: rate / validators, transactionBytes, warmUpMs: 3000, measureMs: seconds * 1000 }
    const figures = children.map((child) => heard<Figures>(child))
    for (const child of children) child.send(order)
    return await Promise.all(figures)
  } finally {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

function setRoundDelay(path: string, minRoundDelayMs: number): void {
  const committee = JSON.parse(readFileSync(path, 'utf8')) as { parameters: object }
  writeFileSync(path, JSON.stringify({ ...committee, parameters: { minRoundDelayMs } }))
}

function heard<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as Message))
    child.once('exit', (code) => reject(new Error(`a validator ended with ${code}`)))
  })
}

function argument(name: string, otherwise: string): string {
  const at = process.argv.indexOf(name)
  return at === -1 ? otherwise : (process.argv[at + 1] ?? otherwise)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await benchCommittee({
    rates: argument('--rates', '1000,10000,40000').split(',').map(Number),
    seconds: Number(argument('--seconds', '15')),
    roundDelayMs: Number(argument('--round-delay', '10')),
  })
}
