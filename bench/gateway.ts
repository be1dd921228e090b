import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { cpuMicros, ensureTools, type Running, residentMegabytes, untilAnswers, Workshop, wait } from './processes.ts'

/**
 * What one call costs through the gateway, beside nginx and haproxy in the same run and in front of the same node:
 * distinct eth_calls, 64 connections, everything switched on. Rounds alternate, so that a slow moment of the machine hits
 * all of them; the median round counts.
 */
export interface GatewayBenchOptions {
  readonly seconds: number
  readonly rounds: number
}

interface Round {
  readonly cpuMicros: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const callScript = `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local n = 0
request = function()
  n = n + 1
  return wrk.format(nil, "/", nil, string.format('{"jsonrpc":"2.0","id":%d,"method":"eth_call","params":[{"to":"0x%040x","data":"0x70a08231000000000000000000000000d8da6bf26964af9d7eed9e03e53415d37aa96045"},"latest"]}', n, n))
end
`

export async function benchGateway({ seconds, rounds }: GatewayBenchOptions): Promise<void> {
  ensureTools()
  const shop = new Workshop()
  try {
    const node = await shop.node()
    const drawbridge = await shop.gateway([node.port])
    const restMegabytes = await settledMemory(drawbridge.pid)
    const connectedMegabytes = await underConnections(drawbridge)
    const proxies: Running[] = [drawbridge, await shop.nginx(node.port), await shop.haproxy(node.port)]
    const script = join(shop.folder, 'call.lua')
    writeFileSync(script, callScript)
    const figures = new Map<Running, Round[]>()
    for (const running of [...proxies, { ...node, name: 'direct' }]) {
      measure(running, script, 2, 64)
      figures.set(running, [])
    }
    for (let round = 0; round < rounds; round++) {
      for (const [running, list] of figures) list.push(measure(running, script, seconds, 64))
    }
    printCosts(figures)
    printLatency(new Map([...figures.keys()].map((running) => [running, measure(running, script, seconds, 1)])))
    console.log(`ready to serve ${drawbridge.readyMs.toFixed(0)} ms after the start of the process`)
    console.log(`memory at rest ${restMegabytes.toFixed(0)} MB`)
    console.log(`memory with 1,000 idle connections ${connectedMegabytes.toFixed(0)} MB`)
    console.log(`memory after the load ${(await settledMemory(drawbridge.pid)).toFixed(0)} MB`)
  } finally {
    shop.close()
  }
}

function measure(running: Running, script: string, seconds: number, connections: number): Round {
  const before = cpuMicros(running.pid)
  const report = execFileSync(
    'wrk',
    ['-t1', `-c${connections}`, `-d${seconds}`, '--latency', '-s', script, `http://127.0.0.1:${running.port}/`],
    { encoding: 'utf8' },
  )
  if (/Non-2xx|Socket errors/.test(report)) throw new Error(`${running.name} failed:\n${report}`)
  const requests = Number(/(\d+) requests in/.exec(report)?.[1])
  if (!(requests > 0)) throw new Error(`${running.name} answered nothing:\n${report}`)
  return {
    cpuMicros: (cpuMicros(running.pid) - before) / requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1]),
    p50Ms: milliseconds(/50%\s+(\S+)/.exec(report)?.[1]),
    p99Ms: milliseconds(/99%\s+(\S+)/.exec(report)?.[1]),
  }
}

function milliseconds(text = ''): number {
  const value = Number.parseFloat(text)
  if (text.endsWith('us')) return value / 1000
  return text.endsWith('ms') ? value : value * 1000
}

function printCosts(figures: ReadonlyMap<Running, readonly Round[]>): void {
  const nginx = [...figures].find(([running]) => running.name === 'nginx')?.[1] ?? []
  const reference = medianOf(nginx, (round) => round.cpuMicros)
  const rows = [...figures].map(([{ name }, list]) => {
    const cost = medianOf(list, (round) => round.cpuMicros)
    return {
      through: name,
      'CPU µs/request': rounded(cost),
      '× nginx': name === 'direct' ? '' : (cost / reference).toFixed(2),
      'requests/s': Math.round(medianOf(list, (round) => round.perSecond)),
      'each round, µs': list.map((round) => round.cpuMicros.toFixed(1)).join(' '),
    }
  })
  console.log('\n64 connections, distinct eth_calls, medians')
  console.table(rows)
}

function printLatency(figures: ReadonlyMap<Running, Round>): void {
  const direct = [...figures].find(([running]) => running.name === 'direct')![1]
  const rows = [...figures].map(([{ name }, round]) => ({
    through: name,
    'p50 ms': rounded(round.p50Ms),
    'p99 ms': rounded(round.p99Ms),
    'added p50': rounded(round.p50Ms - direct.p50Ms),
    'added p99': rounded(round.p99Ms - direct.p99Ms),
  }))
  console.log('\n1 connection')
  console.table(rows)
}

/** Memory once the start-up's garbage had time to go. */
async function settledMemory(pid: number): Promise<number> {
  await wait(3000)
  return residentMegabytes(pid)
}

async function underConnections(gateway: Running): Promise<number> {
  const sockets: Socket[] = []
  for (let n = 0; n < 1000; n++) sockets.push(connect(gateway.port, '127.0.0.1').on('error', () => {}))
  await untilAnswers(gateway.port)
  await wait(2000)
  const megabytes = residentMegabytes(gateway.pid)
  for (const socket of sockets) socket.destroy()
  return megabytes
}

function medianOf(rounds: readonly Round[], value: (round: Round) => number): number {
  const sorted = rounds.map(value).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
