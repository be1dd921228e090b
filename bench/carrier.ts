import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * What it costs to carry one request, in CPU time of the proxy: our carrier without any logic, nginx, and
 * node:http with undici, one after the other in front of the same upstream. Needs wrk; leaves nginx out where it is
 * not installed.
 *
 *   npm run bench carrier [seconds] [rounds]
 */
const [seconds = 4, rounds = 3] = process.argv.slice(2).map(Number).filter(Number.isFinite)
const folder = mkdtempSync(join(tmpdir(), 'carrier-bench-'))
const children: ChildProcess[] = []

interface Proxy {
  readonly name: string
  readonly port: number
  readonly pid: number
}

interface Figures {
  readonly requests: number
  readonly perSecond: number
  readonly userMicros: number
  readonly systemMicros: number
}

async function main(): Promise<void> {
  const upstream = await child('upstream', 0)
  const proxies = [await child('carrier', upstream.port), await child('undici', upstream.port)]
  const nginx = await startNginx(upstream.port)
  if (nginx !== undefined) proxies.push(nginx)
  const script = join(folder, 'post.lua')
  writeFileSync(script, postScript)
  for (const proxy of proxies) measure(proxy, script, 2)
  const all = proxies.map((proxy) => ({ proxy, figures: [] as Figures[] }))
  for (let round = 0; round < rounds; round++) {
    for (const { proxy, figures } of all) figures.push(measure(proxy, script, seconds))
  }
  print(all)
}

const postScript = `wrk.method = "POST"
wrk.body = '{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0x' .. string.rep("a", 110) .. '",false]}'
wrk.headers["Content-Type"] = "application/json"
`

function child(role: string, upstreamPort: number): Promise<Proxy> {
  const script = fileURLToPath(new URL('./carrier-process.ts', import.meta.url))
  const process_ = spawn(process.execPath, [script, role, String(upstreamPort)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(process_)
  return new Promise((resolve, reject) => {
    process_.once('exit', () => reject(new Error(`The ${role} process ended.`)))
    process_.stdout.once('data', (line) => resolve({ name: role, port: Number(line), pid: process_.pid ?? 0 }))
  })
}

async function startNginx(upstreamPort: number): Promise<Proxy | undefined> {
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  writeFileSync(config, nginxConfig(port, upstreamPort))
  const master = spawn('nginx', ['-e', join(folder, 'error.log'), '-c', config], { stdio: 'ignore' })
  const started = await new Promise((resolve) => {
    master.once('error', () => resolve(false))
    setTimeout(() => resolve(master.exitCode === null), 500)
  })
  if (!started) return undefined
  children.push(master)
  return { name: 'nginx proxy_pass', port, pid: workerOf(master.pid ?? 0) }
}

function nginxConfig(port: number, upstreamPort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join('\n  ')
  return `daemon off; worker_processes 1; pid ${join(folder, 'pid')};
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000;
  ${temporary}
  upstream node { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://node; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`
}

function workerOf(master: number): number {
  return Number(readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ')[0])
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0))
    })
  })
}

function measure(proxy: Proxy, script: string, duration: number): Figures {
  const before = cpuTicks(proxy.pid)
  const url = `http://127.0.0.1:${proxy.port}/`
  const report = execFileSync('wrk', ['-t1', '-c64', `-d${duration}`, '-s', script, url], { encoding: 'utf8' })
  const after = cpuTicks(proxy.pid)
  if (/Non-2xx|Socket errors/.test(report)) throw new Error(`${proxy.name} failed:\n${report}`)
  const requests = Number(/(\d+) requests in/.exec(report)?.[1])
  const perTick = 10_000 / requests
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1]),
    userMicros: (after.user - before.user) * perTick,
    systemMicros: (after.system - before.system) * perTick,
  }
}

/** CPU time of a process so far, in ticks of 10 ms. */
function cpuTicks(pid: number): { user: number; system: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return { user: Number(fields[11]), system: Number(fields[12]) }
}

function print(all: { proxy: Proxy; figures: Figures[] }[]): void {
  const rows = all.map(({ proxy, figures }) => {
    const best = figures.reduce((a, b) => (cost(a) <= cost(b) ? a : b))
    const of = (value: (figures: Figures) => number): number => Math.round(value(best) * 10) / 10
    return {
      proxy: proxy.name,
      'CPU µs per request': of(cost),
      user: of((f) => f.userMicros),
      system: of((f) => f.systemMicros),
      'requests/s': Math.round(best.perSecond),
      'all rounds': figures.map((f) => cost(f).toFixed(1)).join(' '),
    }
  })
  console.log(`POST of 200 bytes, 64 connections, ${seconds} s, best of ${rounds} rounds`)
  console.table(rows)
}

function cost(figures: Figures): number {
  return figures.userMicros + figures.systemMicros
}

try {
  await main()
} finally {
  for (const running of children) running.kill()
  rmSync(folder, { recursive: true, force: true })
}
