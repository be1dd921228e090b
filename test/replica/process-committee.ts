import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeCommittee } from '../../src/replica/identity/keygen.ts'
import { CuttableLink } from './cuttable-link.ts'
import { freePorts } from './harness.ts'

const program = fileURLToPath(new URL('program.ts', import.meta.url))

/** A validator as a process; it can be killed, stopped, started again, and lose its disk. */
export class ValidatorProcess {
  readonly config: string
  readonly folder: string
  readonly httpPort: number
  /** Where it takes links, past the ways that can be cut. */
  readonly peerPort: number
  #child: ChildProcess | undefined
  /** What it wrote to its standard error. */
  complaints = ''

  constructor(config: string, folder: string, httpPort: number, peerPort: number) {
    this.config = config
    this.folder = folder
    this.httpPort = httpPort
    this.peerPort = peerPort
  }

  get up(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  start(): void {
    const child = spawn(process.execPath, [program, 'consensus', '--config', this.config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.complaints = (this.complaints + text).slice(-10_000)
    })
    this.#child = child
  }

  /** Sends a signal and, unless the process only pauses, waits for its end. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child?.kill('SIGCONT')
  }

  wipe(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** True when the transaction is in an own block on its disk. */
  async submit(transaction: string): Promise<boolean> {
    try {
      const url = `http://127.0.0.1:${this.httpPort}/transactions`
      const answer = await fetch(url, { method: 'POST', body: transaction, signal: AbortSignal.timeout(20_000) })
      await answer.text()
      return answer.status === 200
    } catch {
      return false
    }
  }

  async get(path: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.httpPort}${path}`, { signal: AbortSignal.timeout(2_000) })
    return answer.text()
  }

  /** The whole lines of its file of commits. */
  commits(): string[] {
    const path = join(this.folder, 'commits.jsonl')
    if (!existsSync(path)) return []
    return readFileSync(path, 'utf8').split('\n').slice(0, -1)
  }
}

/** Four validators as processes, each pair joined by links that can be cut. */
export class ProcessCommittee {
  readonly folder = mkdtempSync(join(tmpdir(), 'drawbridge-processes-'))
  readonly validators: ValidatorProcess[] = []
  /** `links[a][b]`: the way that a dials b. */
  readonly links: CuttableLink[][] = []
  #parameters: object = { minRoundDelayMs: 20, leaderTimeoutMs: 200, commitsPerSchedule: 100 }

  /** @param options `direct`: without links that can be cut, so that what this process does slows nobody down */
  static async create(
    size: number,
    options: { readonly direct?: boolean; readonly parameters?: object } = {},
  ): Promise<ProcessCommittee> {
    const made = new ProcessCommittee()
    made.#parameters = { ...made.#parameters, ...options.parameters }
    const ports = await freePorts(2 * size)
    const { committee, configs } = makeCommittee({
      validators: size,
      folder: made.folder,
      epoch: 0,
      host: '127.0.0.1',
      port: 9000,
      httpPort: 9100,
    })
    const text = readFileSync(committee, 'utf8')
    for (const [index, config] of configs.entries()) {
      const [port = 0, httpPort = 0] = ports.slice(2 * index)
      const targets = Array.from({ length: size }, (_, peer) => ports[2 * peer] ?? 0)
      const cuttable = options.direct === true ? [] : targets
      const links = await Promise.all(cuttable.map((target) => CuttableLink.open(target)))
      made.links.push(links)
      made.#write(config, text, options.direct === true ? targets : links.map((link) => link.port), index, {
        port,
        httpPort,
      })
      made.validators.push(new ValidatorProcess(config, join(made.folder, `validator-${index}`), httpPort, port))
    }
    return made
  }

  /** A process that knows all that is public and poses as validator 0, but with keys of its own. */
  async stranger(): Promise<ValidatorProcess> {
    const folder = join(this.folder, 'stranger')
    const size = this.validators.length
    const [port = 0, httpPort = 0] = await freePorts(2)
    const { committee, configs } = makeCommittee({
      validators: size,
      folder,
      epoch: 0,
      host: '127.0.0.1',
      port: 9000,
      httpPort: 9100,
    })
    const links = await Promise.all(this.links[0]!.map(async (_, peer) => this.#way(0, peer)))
    const theirs = authoritiesIn(readFileSync(committee, 'utf8'))
    const ours = authoritiesIn(readFileSync(join(this.folder, 'committee.json'), 'utf8'))
    const posing = JSON.stringify({ epoch: 0, authorities: [theirs[0], ...ours.slice(1)] })
    this.#write(configs[0]!, posing, links, 0, { port, httpPort })
    return new ValidatorProcess(configs[0]!, join(folder, 'validator-0'), httpPort, port)
  }

  /** Cuts or mends both ways between two validators. */
  cut(a: number, b: number, silently: boolean): void {
    for (const link of [this.links[a]![b]!, this.links[b]![a]!]) link.cut(silently)
  }

  mend(a: number, b: number): void {
    for (const link of [this.links[a]![b]!, this.links[b]![a]!]) link.mend()
  }

  async close(): Promise<void> {
    for (const validator of this.validators) validator.goOn()
    await Promise.all(this.validators.map((validator) => validator.end('SIGKILL')))
    for (const link of this.links.flat()) link.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #way(from: number, to: number): number {
    return this.links[from]![to]!.port
  }

  /** Each validator has a committee file of its own, in which the addresses are those of its links. */
  #write(
    config: string,
    committee: string,
    ways: readonly number[],
    own: number,
    { port, httpPort }: { readonly port: number; readonly httpPort: number },
  ): void {
    const open = JSON.parse(committee) as { authorities: { address: string }[]; parameters: object }
    open.parameters = this.#parameters
    for (const [peer, way] of ways.entries()) open.authorities[peer]!.address = `127.0.0.1:${way}`
    const file = config.replace(/\.toml$/, '.committee.json')
    writeFileSync(file, JSON.stringify(open))
    const lines = [
      `committee = "${file}"`,
      `secret = "validator-${own}.secret.json"`,
      `dir = "validator-${own}"`,
      `listen = "127.0.0.1:${port}"`,
      `http = "127.0.0.1:${httpPort}"`,
      '[limits]',
      'segmentBytes = 262144',
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
  }
}

function authoritiesIn(committee: string): readonly object[] {
  return (JSON.parse(committee) as { authorities: object[] }).authorities
}

/** As the file of commits names a transaction. */
export function hashOf(transaction: string): string {
  return createHash('sha256').update(transaction).digest('hex')
}
