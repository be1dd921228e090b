import { type ChildProcess, fork } from 'node:child_process'
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { rows, type Sickness } from './gray-rows.ts'
import { untilAnswers, Workshop, wait } from './processes.ts'

/**
 * What clients feel while a node is half well: two nodes, the first sick in one way, the second well, distinct calls at a
 * steady rate, one in ten a trace. Then three well nodes and slow calls, which no extra call may help.
 *
 *   npm run bench gray [-- --seconds 8 --rate 100 --row byte --url http://127.0.0.1:4000 --ports 9001,9002]
 */
export interface GrayOptions {
  readonly seconds: number
  readonly rate: number
  /** Seconds during which the node is well before it falls sick. */
  readonly warm: number
  /** Only rows whose name has this in it. */
  readonly row?: string | undefined
  /** Another gateway, asked instead of ours; it must have the nodes of `ports` behind it. */
  readonly url?: string | undefined
  /** Ports of the nodes; by default whatever is free. */
  readonly ports: readonly number[]
}

const slowMs = 500
const graceMs = 2000
const longestRecoveryMs = 12_000
const nodeFile = fileURLToPath(new URL('./gray-node.ts', import.meta.url))

export async function benchGray(options: GrayOptions): Promise<void> {
  const wanted = Object.entries(rows).filter(([name]) => options.row === undefined || name.includes(options.row))
  for (const [name, sickness] of wanted) console.log(lineOf(await row(name, sickness, options)))
  // Another gateway has two nodes configured or three: whoever runs it says which.
  if (options.row === undefined ? options.url === undefined : 'quiet'.includes(options.row))
    console.log(await quiet(options))
}

function lineOf(figures: Readonly<Record<string, string | number>>): string {
  return Object.entries(figures)
    .map(([key, value]) => (key === 'row' ? String(value).padEnd(30) : `${key} ${value}`))
    .join('  ')
}

/** What happened to one call. */
interface Felt {
  readonly atMs: number
  readonly tookMs: number
  readonly problem: string | undefined
}

async function row(name: string, sickness: Sickness, options: GrayOptions) {
  const stage = await open(2, options)
  const felt: Felt[] = []
  try {
    const load = new Load(stage.url, options.rate)
    await load.run(options.warm * 1000)
    const before = await stage.calls()
    await stage.nodes[0]!.tell(sickness)
    await load.run(Math.min(graceMs, options.seconds * 1000), { felt, fromMs: 0 })
    const between = await stage.calls()
    await load.run(Math.max(0, options.seconds * 1000 - graceMs), { felt, fromMs: graceMs })
    const after = await stage.calls()
    await stage.nodes[0]!.tell('well')
    const back = await recovery(load, stage)
    await load.settled()
    return figuresOf(name, felt, { early: between - before, late: after - between }, back)
  } finally {
    stage.close()
  }
}

function figuresOf(name: string, felt: readonly Felt[], asked: { early: number; late: number }, back: number) {
  const late = felt.filter(({ atMs }) => atMs >= graceMs)
  const slow = late.filter(({ tookMs }) => tookMs > slowMs).length
  const failed = felt.filter(({ problem }) => problem !== undefined)
  const perCall = (upstreamCalls: number, calls: number): string => (upstreamCalls / Math.max(1, calls)).toFixed(2)
  return {
    row: name,
    failed: failed.length === 0 ? 0 : `${failed.length} (${failed[0]!.problem!.slice(0, 60)})`,
    'slow %': ((100 * slow) / Math.max(1, late.length)).toFixed(1),
    'slowest ms': Math.round(Math.max(...felt.map(({ tookMs }) => tookMs))),
    'slowest after 2 s': Math.round(Math.max(0, ...late.map(({ tookMs }) => tookMs))),
    'calls per call': perCall(asked.early, felt.length - late.length),
    'after it': perCall(asked.late, late.length),
    'back s': Number.isFinite(back) ? (back / 1000).toFixed(1) : 'never',
  }
}

/** Milliseconds until the first node gets four calls of five again. */
async function recovery(load: Load, stage: Stage): Promise<number> {
  const began = performance.now()
  while (performance.now() - began < longestRecoveryMs) {
    const [first, all] = [await stage.nodes[0]!.calls(), await stage.calls()]
    await load.run(300)
    const got = (await stage.nodes[0]!.calls()) - first
    if (got >= 0.8 * ((await stage.calls()) - all) && got > 0) return performance.now() - began
  }
  return Number.POSITIVE_INFINITY
}

/** Slow calls one after the other through three well nodes: how many calls the nodes got for them. */
async function quiet(options: GrayOptions): Promise<string> {
  const stage = await open(3, options)
  try {
    const before = await stage.calls()
    for (let n = 0; n < 40; n++) await call(stage.url, 'eth_call', n, 400)
    return `quiet: 40 calls of 400 ms one after the other: ${(await stage.calls()) - before} upstream calls`
  } finally {
    stage.close()
  }
}

/** Where calls are noted, and how long after the node fell sick the run began. */
interface Notes {
  readonly felt: Felt[]
  readonly fromMs: number
}

/** Calls at a steady rate, whatever becomes of them. */
class Load {
  readonly #url: string
  readonly #rate: number
  readonly #running = new Set<Promise<void>>()
  #made = 0

  constructor(url: string, rate: number) {
    this.#url = url
    this.#rate = rate
  }

  async run(forMs: number, notes?: Notes): Promise<void> {
    const began = performance.now()
    for (let n = 0; n < (forMs * this.#rate) / 1000; n++) {
      const early = began + (n * 1000) / this.#rate - performance.now()
      if (early > 0) await wait(early)
      this.#start(performance.now() - began, notes)
    }
    const left = began + forMs - performance.now()
    if (left > 0) await wait(left)
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  #start(atMs: number, notes: Notes | undefined): void {
    const n = ++this.#made
    const began = performance.now()
    const running = call(this.#url, n % 10 === 0 ? 'debug_traceCall' : 'eth_call', n).then((problem) => {
      notes?.felt.push({ atMs: atMs + notes.fromMs, tookMs: performance.now() - began, problem })
      this.#running.delete(running)
    })
    this.#running.add(running)
  }
}

const agent = new Agent({ keepAlive: true })

/** Undefined when the answer is the right one, else what is wrong with it. */
function call(url: string, method: string, n: number, waitMs = 0): Promise<string | undefined> {
  const to = `0x${n.toString(16).padStart(40, '0')}`
  const body = JSON.stringify({ jsonrpc: '2.0', id: n, method, params: [{ to, waitMs }, 'latest'] })
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const outgoing = request(url, { method: 'POST', agent, headers, timeout: 45_000 }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', (error) => resolve(error.message))
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve(text.includes(`"result":"${to}"`) ? undefined : text)
      })
    })
    outgoing.on('error', (error) => resolve(error.message))
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer for 45 s')))
    outgoing.end(body)
  })
}

interface Stage {
  readonly url: string
  readonly nodes: readonly GrayNode[]
  calls(): Promise<number>
  close(): void
}

async function open(count: number, { url, ports: wanted }: GrayOptions): Promise<Stage> {
  const nodes = await Promise.all(Array.from({ length: count }, (_, at) => GrayNode.start(wanted[at] ?? 0)))
  const workshop = new Workshop()
  const ports = nodes.map(({ port }) => port)
  const gateway = url === undefined ? await workshop.gateway(ports) : await another(url, ports)
  return {
    url: url ?? `http://127.0.0.1:${gateway.port}/`,
    nodes,
    calls: async () => (await Promise.all(nodes.map((node) => node.calls()))).reduce((sum, one) => sum + one, 0),
    close: () => {
      workshop.close()
      for (const node of nodes) node.close()
    },
  }
}

/** Another gateway must be told where the nodes are, by whoever runs this. */
async function another(url: string, ports: readonly number[]): Promise<{ readonly port: number }> {
  console.log(`nodes: ${ports.map((port) => `http://127.0.0.1:${port}`).join(' ')}; waiting for ${url}`)
  const port = Number(new URL(url).port)
  await untilAnswers(port)
  return { port }
}

class GrayNode {
  readonly #child: ChildProcess
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  static async start(wanted: number): Promise<GrayNode> {
    const child = fork(nodeFile, [String(wanted)])
    const { port } = (await message(child)) as { port: number }
    return new GrayNode(child, port)
  }

  async tell(what: Sickness | 'well' | 'count'): Promise<{ calls: number }> {
    const answer = message(this.#child)
    this.#child.send(what)
    return (await answer) as { calls: number }
  }

  async calls(): Promise<number> {
    return (await this.tell('count')).calls
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }
}

function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once('message', resolve))
}
