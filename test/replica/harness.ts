import { sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Committee, createCommittee } from '../../src/consensus/committee.ts'
import { type ConsensusParameters, defaultParameters } from '../../src/consensus/parameters.ts'
import type { CommittedSubDag } from '../../src/consensus/types.ts'
import { realClock, sleep } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import { systemRandom } from '../../src/core/random.ts'
import { FileDisk } from '../../src/replica/disk/file-disk.ts'
import { newPrivateKey, privateKeyFrom, publicBytesOf } from '../../src/replica/identity/keys.ts'
import { TlsNetwork } from '../../src/replica/link/tls-network.ts'
import type { ReplicaParameters } from '../../src/replica/parameters.ts'
import { createReplica, type Replica } from '../../src/replica/replica.ts'
import type { SubmitResult } from '../../src/replica/seams.ts'
import { ThreadVerifier } from '../../src/replica/signature-verifier.ts'

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Waits until a condition holds, or fails with a sentence. */
export async function until(condition: () => boolean, what: string, withinMs = 20_000): Promise<void> {
  const deadline = realClock.now() + withinMs
  while (!condition()) {
    if (realClock.now() > deadline) throw new Error(`waited too long until ${what}`)
    await sleep(realClock, 10)
  }
}

/** One validator of a test committee: keys and folder that last, replicas that come and go. */
export class TestValidator {
  readonly index: number
  readonly folder: string
  /** What the consumer got, and lasts over restarts: digest by commit index, transactions in order. */
  readonly commits: string[] = []
  readonly transactions: string[] = []
  readonly failures: unknown[] = []
  /** The consumer's cursor. */
  acknowledged = 0
  /** Sub-DAGs handed over, repeated ones included. */
  deliveries = 0
  replica: Replica | undefined
  network: TlsNetwork | undefined
  /** Called before a sub-DAG is acknowledged; replace it to be slow. */
  onDeliver: (acknowledge: () => void) => void = (acknowledge) => acknowledge()
  readonly #committee: TestCommittee
  readonly #protocolKey
  readonly #networkKey

  constructor(index: number, folder: string, committee: TestCommittee) {
    this.index = index
    this.folder = folder
    this.#committee = committee
    this.#protocolKey = privateKeyFrom(committee.secrets[index]!.protocol)
    this.#networkKey = privateKeyFrom(committee.secrets[index]!.network)
  }

  async start(overrides: Partial<ReplicaParameters> = {}): Promise<Replica> {
    const { committee, parameters } = this.#committee
    const peers = committee.authorities.map(({ address, networkKey }) => {
      const [host, port] = address.split(':')
      return { host: host!, port: Number(port), networkKey }
    })
    this.network = new TlsNetwork({
      peers,
      own: this.index,
      networkKey: this.#networkKey,
      epoch: committee.epoch,
      committeeDigest: committee.domain,
      listen: peers[this.index]!,
      clock: realClock,
      random: systemRandom,
      log: silentLog,
    })
    const replica = createReplica({
      committee,
      own: this.index,
      sign: (root) => sign(null, root, this.#protocolKey),
      parameters,
      replica: { reconnectMs: { first: 50, longest: 500 }, ...overrides },
      clock: realClock,
      random: systemRandom,
      disk: new FileDisk(this.folder),
      network: this.network,
      verifier: new ThreadVerifier(committee),
      consumer: {
        cursor: () => this.acknowledged,
        deliver: (subDag, done) => this.#take(subDag, done),
      },
      log: silentLog,
      failed: (error) => this.failures.push(error),
    })
    await new Promise<void>((resolve, reject) =>
      replica.start((error) => (error === undefined ? resolve() : reject(error))),
    )
    this.replica = replica
    return replica
  }

  submit(text: string): Promise<SubmitResult> {
    return new Promise((resolve) => this.replica!.submit(Buffer.from(text), resolve))
  }

  async stop(): Promise<void> {
    const { replica } = this
    this.replica = undefined
    if (replica !== undefined) await new Promise<void>((resolve) => replica.stop(resolve))
  }

  wipe(): void {
    rmSync(this.folder, { recursive: true, force: true })
    this.acknowledged = 0
    this.commits.length = 0
    this.transactions.length = 0
  }

  #take({ commitRef, blocks }: CommittedSubDag, done: () => void): void {
    this.deliveries++
    this.#keep(commitRef.index, commitRef.digest, blocks)
    this.onDeliver(() => {
      this.acknowledged = Math.max(this.acknowledged, commitRef.index)
      done()
    })
  }

  /** What is delivered again after a restart must be the same as before. */
  #keep(index: number, digest: string, blocks: CommittedSubDag['blocks']): void {
    const known = this.commits[index - 1]
    if (known === digest) return
    if (known !== undefined) this.failures.push(new Error(`commit ${index} has changed`))
    if (index !== this.commits.length + 1) this.failures.push(new Error(`commit ${index} came out of order`))
    this.commits.push(digest)
    for (const { block } of blocks) for (const one of block.transactions) this.transactions.push(`${Buffer.from(one)}`)
  }
}

/** A committee in one process, over real sockets and disks. */
export class TestCommittee {
  readonly parameters: ConsensusParameters
  readonly secrets: readonly { readonly protocol: Uint8Array; readonly network: Uint8Array }[]
  committee!: Committee
  validators: TestValidator[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), 'drawbridge-committee-'))

  private constructor(size: number, parameters: Partial<ConsensusParameters>) {
    this.parameters = { ...defaultParameters, minRoundDelayMs: 15, leaderTimeoutMs: 150, ...parameters }
    this.secrets = Array.from({ length: size }, () => ({ protocol: newPrivateKey(), network: newPrivateKey() }))
  }

  static async create(size: number, parameters: Partial<ConsensusParameters> = {}): Promise<TestCommittee> {
    const made = new TestCommittee(size, parameters)
    const authorities = []
    const ports = await freePorts(size)
    for (const [index, { protocol, network }] of made.secrets.entries()) {
      authorities.push({
        name: `validator-${index}`,
        stake: 1,
        protocolKey: publicBytesOf(privateKeyFrom(protocol))!,
        networkKey: publicBytesOf(privateKeyFrom(network))!,
        address: `127.0.0.1:${ports[index]}`,
      })
    }
    made.committee = createCommittee(0, authorities)
    made.validators = authorities.map((_, index) => new TestValidator(index, join(made.#folder, `${index}`), made))
    return made
  }

  async stop(): Promise<void> {
    await Promise.all(this.validators.map((validator) => validator.stop()))
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Sequences are prefixes of one another; throws when not. */
  assertAgreement(): void {
    const longest = this.validators.reduce((a, b) => (a.commits.length >= b.commits.length ? a : b))
    for (const { index, commits, failures } of this.validators) {
      if (failures.length > 0) throw failures[0]
      const at = commits.findIndex((digest, place) => digest !== longest.commits[place])
      if (at !== -1) throw new Error(`validators ${index} and ${longest.index} differ at commit ${at + 1}`)
    }
  }
}
