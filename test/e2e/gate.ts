import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { realClock } from '../../src/core/clock.ts'
import type { Log, LogFields } from '../../src/core/log.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { NetworkStatus, UpstreamStatus } from '../../src/gateway/control/snapshot.ts'
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts'
import { corsDefaults, limitsDefaults } from '../../src/gateway/ingress/options.ts'
import type { GatewayOptions, NetworkOptions } from '../../src/gateway/options.ts'
import { failsafeDefaults } from '../../src/gateway/policy/options.ts'
import { beaconProbeDefaults, evmProbeDefaults } from '../../src/gateway/probe/options.ts'
import { routingDefaults, type UpstreamOptions, upstreamDefaults } from '../../src/gateway/upstream/options.ts'
import { type FakeBeaconNode, type FakeBeaconOptions, startFakeBeaconNode } from '../fake/beacon-node.ts'
import { type FakeElNode, type FakeElOptions, startFakeElNode } from '../fake/el-node.ts'
import { collect, until } from '../fake/until.ts'

/** Parts of the options that a test sets; the rest are the product's defaults, with quick probes. */
export interface GateSetup {
  readonly kind?: NetworkOptions['kind']
  readonly chainId?: number
  /** One per fake, in order: what differs from a plain primary. */
  readonly upstreams?: readonly Partial<UpstreamOptions>[]
  readonly probe?: Partial<NetworkOptions['probe']>
  readonly routing?: NetworkOptions['routing']
  readonly failsafe?: Partial<NetworkOptions['failsafe']>
  readonly limits?: Partial<GatewayOptions['limits']>
  readonly cors?: GatewayOptions['cors']
  readonly directives?: GatewayOptions['directives']
  /** Fakes, by position, that hang before the first probe. */
  readonly hanging?: readonly number[]
  /** False: do not wait until every upstream has been probed. */
  readonly settled?: boolean
}

export interface LogLine {
  readonly level: string
  readonly fields: LogFields
  readonly message: string
}

/** A running gateway in front of fakes, with what it logged. */
export class Gate {
  readonly gateway: Gateway
  readonly url: string
  readonly network: string
  readonly lines: readonly LogLine[]
  readonly agent = new Agent({ keepAlive: true })

  constructor(gateway: Gateway, port: number, network: string, lines: readonly LogLine[]) {
    this.gateway = gateway
    this.url = `http://127.0.0.1:${port}`
    this.network = network
    this.lines = lines
  }

  get status(): NetworkStatus {
    return this.gateway.snapshot().networks[this.network]!
  }

  upstream(name: string): UpstreamStatus {
    const found = this.status.upstreams.find((one) => one.name === name)
    if (found === undefined) throw new Error(`there is no upstream ${name}`)
    return found
  }

  /** One HTTP request, whatever it is. */
  send(path: string, options: SendOptions = {}): Promise<HttpAnswer> {
    return send(`${this.url}${path}`, { agent: this.agent, ...options })
  }

  /** Posts a JSON text. */
  post(body: string | Buffer, headers: readonly string[] = [], path = `/${this.network}`): Promise<HttpAnswer> {
    const type = hasName(headers, 'content-type') ? [] : ['content-type', 'application/json']
    return this.send(path, { method: 'POST', headers: [...type, ...headers], body })
  }

  /** One JSON-RPC call with id 1. */
  call(method: string, params: unknown = [], headers: readonly string[] = []): Promise<HttpAnswer> {
    return this.post(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers)
  }

  /** The sum of a metric over all series that have these labels. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const text = (await this.send('/metrics')).text
    const full = `drawbridge_${name}`
    const lines = text.split('\n').filter((line) => line.startsWith(`${full}{`) || line.startsWith(`${full} `))
    const wanted = lines.filter((line) =>
      Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
    )
    return wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  async close(): Promise<void> {
    this.agent.destroy()
    await this.gateway.close()
  }
}

export interface SendOptions {
  readonly method?: string
  /** Name, value, name, value …; a name may be repeated. */
  readonly headers?: readonly string[]
  readonly body?: string | Buffer | undefined
  readonly agent?: Agent
  /** Aborts the request, as a client does that hangs up. */
  readonly signal?: AbortSignal
}

/** A whole HTTP answer. */
export class HttpAnswer {
  readonly status: number
  readonly rawHeaders: readonly string[]
  readonly body: Buffer

  constructor(message: IncomingMessage, body: Buffer) {
    this.status = message.statusCode ?? 0
    this.rawHeaders = message.rawHeaders
    this.body = body
  }

  /** All values of a header, in order. */
  all(name: string): string[] {
    return this.rawHeaders.filter((_, at) => at % 2 === 1 && this.rawHeaders[at - 1]!.toLowerCase() === name)
  }

  header(name: string): string | undefined {
    return this.all(name)[0]
  }

  get text(): string {
    return this.body.toString()
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  get json(): any {
    return JSON.parse(this.text)
  }
}

/** Sends a request and reads its answer to the end; rejects when the answer breaks off. */
export async function send(url: string, options: SendOptions = {}): Promise<HttpAnswer> {
  const { method = 'GET', headers = [], body, agent, signal } = options
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    const { hostname, port } = new URL(url)
    // The path is cut out as it is: URL would normalise what must pass unchanged.
    const path = url.slice(url.indexOf('/', 'http://'.length))
    const host = ['host', `${hostname}:${port}`]
    const length = body === undefined || hasName(headers, 'content-length') ? [] : ['content-length', byteLength(body)]
    const outgoing = httpRequest({
      hostname,
      port,
      path,
      method,
      headers: [...host, ...headers, ...length],
      agent,
      signal,
    })
    outgoing.on('response', resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
  return new HttpAnswer(message, await collect(message))
}

function byteLength(body: string | Buffer): string {
  return String(Buffer.byteLength(body))
}

function hasName(headers: readonly string[], name: string): boolean {
  return headers.some((header, at) => at % 2 === 0 && header.toLowerCase() === name)
}

/** The value of a header that a fake has seen. */
export function seenHeader(headers: readonly string[], name: string): string[] {
  return headers.filter((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name)
}

/** Who closes what was opened: a test's context, or a {@link Scope}. */
export interface Closing {
  after(close: () => Promise<unknown>): void
}

/** Closes what was opened before a test ends. */
export class Scope implements Closing {
  readonly #closings: (() => Promise<unknown>)[] = []

  after(close: () => Promise<unknown>): void {
    this.#closings.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closings.splice(0).reverse()) await close()
  }
}

const names = ['a', 'b', 'c', 'd', 'e']

/** Options in front of these URLs: upstreams a, b, c … */
export function optionsFor(urls: readonly string[], setup: GateSetup = {}): GatewayOptions {
  const { kind = 'evm', chainId, upstreams = [], routing = routingDefaults } = setup
  const probeDefaults = kind === 'evm' ? evmProbeDefaults : beaconProbeDefaults
  return {
    listen: { host: '127.0.0.1', port: 0 },
    networks: [
      {
        name: kind === 'evm' ? 'el' : 'cl',
        kind,
        chainId,
        default: true,
        upstreams: urls.map((url, at) => ({ ...upstreamDefaults, name: names[at]!, url, ...upstreams[at] })),
        probe: { ...probeDefaults, intervalMs: 60, ...setup.probe },
        routing,
        failsafe: { ...failsafeDefaults, ...setup.failsafe },
      },
    ],
    limits: { ...limitsDefaults, ...setup.limits },
    cors: setup.cors ?? corsDefaults,
    directives: setup.directives,
    drainMs: 5000,
  }
}

/** Starts a gateway; the test's end closes it. */
export async function openGate(t: Closing, options: GatewayOptions): Promise<Gate> {
  const lines: LogLine[] = []
  const gateway = createGateway(options, {
    clock: realClock,
    random: seededRandom(1),
    log: collectingLog(lines),
    version: '1.2.3-test',
  })
  const { port } = await gateway.start()
  const gate = new Gate(gateway, port, options.networks[0]!.name, lines)
  t.after(() => gate.close())
  return gate
}

function collectingLog(lines: LogLine[]): Log {
  const at =
    (level: string) =>
    (fields: LogFields, message: string): void => {
      lines.push({ level, fields, message })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Fake execution clients with a gateway in front; the test's end closes all. */
export async function elStage(
  t: Closing,
  fakes: number | readonly FakeElOptions[],
  setup: GateSetup = {},
): Promise<{ gate: Gate; nodes: FakeElNode[] }> {
  const wanted = typeof fakes === 'number' ? Array.from({ length: fakes }, () => ({})) : fakes
  const nodes = await Promise.all(wanted.map((options) => startFakeElNode(options)))
  t.after(() => Promise.all(nodes.map((node) => node.close())))
  for (const at of setup.hanging ?? []) nodes[at]!.hang()
  const urls = nodes.map(({ url }) => url)
  const gate = await openGate(t, optionsFor(urls, setup))
  if (setup.settled !== false) await settled(gate)
  return { gate, nodes }
}

/** Fake beacon nodes with a gateway in front; the test's end closes all. */
export async function clStage(
  t: Closing,
  fakes: number | readonly FakeBeaconOptions[],
  setup: GateSetup = {},
): Promise<{ gate: Gate; nodes: FakeBeaconNode[] }> {
  const wanted = typeof fakes === 'number' ? Array.from({ length: fakes }, () => ({})) : fakes
  const nodes = await Promise.all(wanted.map((options) => startFakeBeaconNode(options)))
  t.after(() => Promise.all(nodes.map((node) => node.close())))
  for (const at of setup.hanging ?? []) nodes[at]!.hang()
  const urls = nodes.map(({ url }) => url)
  const gate = await openGate(t, optionsFor(urls, { kind: 'beacon', ...setup }))
  if (setup.settled !== false) await settled(gate)
  return { gate, nodes }
}

/** Waits until every upstream has been probed. */
export async function settled(gate: Gate): Promise<void> {
  await until(() => gate.status.upstreams.every(({ lastProbeAt }) => lastProbeAt !== null))
  await until(() => gate.status.upstreams.some(({ eligible }) => eligible))
}

/** Waits until an upstream is in service, or out of it. */
export async function untilEligible(gate: Gate, name: string, eligible: boolean, deadlineMs = 5000): Promise<void> {
  await until(() => gate.upstream(name).eligible === eligible, {
    deadlineMs,
    describe: () => gate.upstream(name),
  })
}

/** Params that no other call has, so that a call can be told in a fake's log. */
let made = 0
export function uniqueParams(): [string, string] {
  made++
  return [`0x${made.toString(16).padStart(40, '0')}`, 'latest']
}
