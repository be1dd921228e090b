import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A running server under measurement. */
export interface Running {
  readonly name: string
  readonly port: number
  /** Process whose CPU time counts: for nginx its worker. */
  readonly pid: number
  /** Process that takes signals, where that is another. */
  readonly mainPid?: number
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Child processes of a benchmark, and a folder for their files; all gone after `close`. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'drawbridge-bench-'))
  readonly #children: ChildProcess[] = []

  /** A node that costs next to nothing. */
  async node(port = 0): Promise<Running> {
    const child = this.#spawn(process.execPath, [here('./trivial-node.ts'), String(port)], 'pipe')
    const line = await firstLine(child)
    return { name: 'node', port: Number(line), pid: child.pid! }
  }

  /** The gateway as its user starts it: the built program when there is one, with nothing but URLs. */
  async gateway(upstreamPorts: readonly number[], at?: number): Promise<Running & { readonly readyMs: number }> {
    const port = at ?? (await freePort())
    const urls = upstreamPorts.map((upstream) => `http://127.0.0.1:${upstream}`)
    const began = performance.now()
    const program = [
      here('../bin/drawbridge.js'),
      'serve',
      ...urls,
      '--listen',
      `127.0.0.1:${port}`,
      '--log-level',
      'error',
    ]
    const child = this.#spawn(process.execPath, program, 'ignore')
    await untilAnswers(port)
    return { name: 'drawbridge', port, pid: child.pid!, readyMs: performance.now() - began }
  }

  async nginx(upstreamPort: number, at?: number): Promise<Running> {
    const port = at ?? (await freePort())
    const config = join(this.folder, 'nginx.conf')
    writeFileSync(config, nginxConfig(this.folder, port, upstreamPort))
    const master = this.#spawn('nginx', ['-e', join(this.folder, 'error.log'), '-c', config], 'ignore')
    await untilAnswers(port)
    const children = readFileSync(`/proc/${master.pid}/task/${master.pid}/children`, 'utf8')
    return { name: 'nginx', port, pid: Number(children.trim().split(' ')[0]), mainPid: master.pid! }
  }

  async haproxy(upstreamPort: number): Promise<Running> {
    const port = await freePort()
    const config = join(this.folder, 'haproxy.cfg')
    writeFileSync(config, haproxyConfig(port, upstreamPort))
    const child = this.#spawn('haproxy', ['-f', config, '-db'], 'ignore')
    await untilAnswers(port)
    return { name: 'haproxy', port, pid: child.pid! }
  }

  close(): void {
    // SIGKILL would leave nginx's worker behind.
    for (const child of this.#children) child.kill('SIGTERM')
    rmSync(this.folder, { recursive: true, force: true })
  }

  #spawn(command: string, args: readonly string[], output: 'pipe' | 'ignore'): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', output, 'inherit'] })
    child.on('error', (error) => console.error(`${command} did not start: ${error.message}`))
    this.#children.push(child)
    return child
  }
}

/** Debian's packages of the reference proxies and the load generator; installed where they are absent and may be. */
const tools: Readonly<Record<string, string>> = { nginx: 'nginx-light', haproxy: 'haproxy', wrk: 'wrk' }

/** Sees to it that the tools of the gateway benchmark are there; throws with what to install otherwise. */
export function ensureTools(): void {
  const missing = Object.keys(tools).filter((tool) => spawnSync('which', [tool]).status !== 0)
  if (missing.length === 0) return
  const packages = missing.map((tool) => tools[tool]!)
  console.log(`installing ${packages.join(', ')}`)
  const install = `apt-get update -qq && apt-get install -y -qq --no-install-recommends ${packages.join(' ')}`
  if (spawnSync('sh', ['-c', install], { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0) {
    throw new Error(`This benchmark needs ${packages.join(', ')}: install them and start it again.`)
  }
}

/** User and system CPU time of a process so far, in microseconds. */
export function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** Resident memory of a process, in megabytes. */
export function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** Waits until a JSON-RPC call gets a result. */
export async function untilAnswers(port: number): Promise<void> {
  const body = '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x1"},"latest"]}'
  for (let tries = 0; tries < 500; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
      .then((response) => response.text())
      .catch(() => '')
    if (answer.includes('"result"')) return
    await wait(10)
  }
  throw new Error(`Nothing answers on port ${port}.`)
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('A process of the benchmark ended early.')))
    child.stdout!.once('data', (data) => resolve(String(data)))
  })
}

function nginxConfig(folder: string, port: number, upstreamPort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off; worker_processes 1; pid ${join(folder, 'nginx.pid')};
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000;
  ${temporary.map((name) => `${name}_temp_path ${join(folder, name)};`).join(' ')}
  upstream node { server 127.0.0.1:${upstreamPort}; keepalive 1024; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://node; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`
}

function haproxyConfig(port: number, upstreamPort: number): string {
  return `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  server node 127.0.0.1:${upstreamPort}
`
}
