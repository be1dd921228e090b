import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePort, untilAnswers, wait } from './processes.ts'

/**
 * What clients feel while nodes die: distinct calls at a steady rate through a gateway with two URLs and nothing else
 * configured, while each node in turn is killed, restarted, stopped (SIGSTOP) and continued.
 *
 *   npm run bench hang [-- --seconds 60 --rate 200]
 */
export interface HangFigures {
  readonly calls: number
  readonly failed: number
  readonly overOneSecond: number
  readonly slowestMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly attempts: number
  readonly extraPercent: number
  readonly problems: readonly string[]
}

const program = fileURLToPath(new URL('../bin/drawbridge.js', import.meta.url))
const node = fileURLToPath(new URL('./trivial-node.ts', import.meta.url))

export async function benchHang(options: { readonly seconds: number; readonly rate: number }): Promise<void> {
  const figures = await hang(options)
  console.log(
    `${options.rate} calls/s for ${options.seconds} s; each node killed, restarted, stopped and continued in turn`,
  )
  console.table([
    {
      calls: figures.calls,
      failed: figures.failed,
      'over 1 s': figures.overOneSecond,
      'slowest ms': Math.round(figures.slowestMs),
      'p50 ms': Math.round(figures.p50Ms * 100) / 100,
      'p99 ms': Math.round(figures.p99Ms * 100) / 100,
      'extra calls %': Math.round(figures.extraPercent * 100) / 100,
    },
  ])
  for (const problem of figures.problems) console.log(problem)
  if (figures.failed > 0) process.exitCode = 1
}

export async function hang(options: { readonly seconds: number; readonly rate: number }): Promise<HangFigures> {
  const ports = [await freePort(), await freePort(), await freePort()] as const
  const nodes = [startNode(ports[0]), startNode(ports[1])]
  await Promise.all([untilAnswers(ports[0]), untilAnswers(ports[1])])
  const gateway = spawn(
    process.execPath,
    [
      program,
      'serve',
      `http://127.0.0.1:${ports[0]}`,
      `http://127.0.0.1:${ports[1]}`,
      '--listen',
      `127.0.0.1:${ports[2]}`,
      '--log-level',
      'error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  try {
    await untilAnswers(ports[2])
    const schedule = disturb(nodes, ports, options.seconds)
    const figures = await drive(ports[2], options)
    await schedule
    const attempts = await attemptsOf(ports[2])
    return { ...figures, attempts, extraPercent: (100 * (attempts - figures.calls - 1)) / figures.calls }
  } finally {
    gateway.kill('SIGKILL')
    for (const child of nodes) child.kill('SIGKILL')
  }
}

function startNode(port: number): ChildProcess {
  return spawn(process.execPath, [node, String(port)], { stdio: 'ignore' })
}

/** Each node in turn: killed, restarted, stopped, continued; spread over the whole time, never both at once. */
async function disturb(nodes: ChildProcess[], ports: readonly number[], seconds: number): Promise<void> {
  const step = (seconds * 1000) / 9
  await wait(step)
  for (const at of [0, 1]) {
    nodes[at]!.kill('SIGKILL')
    await wait(step)
    nodes[at] = startNode(ports[at]!)
    await wait(step)
    nodes[at]!.kill('SIGSTOP')
    await wait(step)
    nodes[at]!.kill('SIGCONT')
    await wait(step)
  }
}

async function drive(port: number, { seconds, rate }: { seconds: number; rate: number }) {
  const total = seconds * rate
  const durations: number[] = []
  const problems: string[] = []
  const running: Promise<void>[] = []
  const began = performance.now()
  for (let n = 0; n < total; n++) {
    const due = began + (n * 1000) / rate
    const early = due - performance.now()
    if (early > 0) await wait(early)
    running.push(call(port, n, durations, problems))
  }
  await Promise.all(running)
  durations.sort((a, b) => a - b)
  const at = (q: number): number => durations[Math.min(durations.length - 1, Math.floor(q * durations.length))] ?? 0
  return {
    calls: total,
    failed: problems.length,
    overOneSecond: durations.filter((ms) => ms > 1000).length,
    slowestMs: durations.at(-1) ?? 0,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    problems: problems.slice(0, 5),
  }
}

async function call(port: number, n: number, durations: number[], problems: string[]): Promise<void> {
  const to = `0x${n.toString(16).padStart(40, '0')}`
  const began = performance.now()
  try {
    const response = await rpc(port, 'eth_call', [{ to }, 'latest'], n)
    const expected = `{"jsonrpc":"2.0","id":${n},"result":"${to}"}`
    if (response !== expected) problems.push(response)
  } catch (error) {
    problems.push(String(error))
  }
  durations.push(performance.now() - began)
}

async function rpc(port: number, method: string, params: unknown[], id: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
    signal: AbortSignal.timeout(35_000),
  })
  return response.text()
}

async function attemptsOf(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const lines = text.matchAll(/^drawbridge_attempts_total\{[^}]*\} (\d+)$/gm)
  return [...lines].reduce((sum, line) => sum + Number(line[1]), 0)
}
