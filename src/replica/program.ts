import { sign } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { systemRandom } from '../core/random.ts'
import { CommitFile } from './disk/commit-file.ts'
import { FileDisk } from './disk/file-disk.ts'
import { lockFolder } from './disk/folder-lock.ts'
import { HttpServer } from './door/http-server.ts'
import { type CommitteeFile, splitAddress } from './identity/committee-file.ts'
import { authorityOf, readSecretFile, type Secrets } from './identity/secret-file.ts'
import { TlsNetwork } from './link/tls-network.ts'
import { replicaMetrics } from './metrics.ts'
import type { ReplicaParameters } from './parameters.ts'
import { createReplica, type Replica } from './replica.ts'
import { ThreadVerifier } from './signature-verifier.ts'

interface Address {
  readonly host: string
  readonly port: number
}

/** One validator as a program: its files, its sockets and its users. */
export interface ProgramOptions {
  readonly committee: CommitteeFile
  /** Path of the secret file. */
  readonly secret: string
  /** Folder of the log; one per validator. */
  readonly dir: string
  /** Where peers are taken; the committee's address when absent. */
  readonly listen: Address | undefined
  /** Where users are served. */
  readonly http: Address
  /** Another listener that only shows. */
  readonly metrics?: Address | undefined
  /** File of the commits. */
  readonly commits: string
  readonly replica: ReplicaParameters
  readonly clock: Clock
  readonly log: Log
  /** The validator cannot go on. */
  readonly failed: (error: unknown) => void
}

/**
 * Composition root of one validator process: what starts first is closed last.
 *
 * @throws DrawbridgeError from the constructor when files do not fit or the folder is in use.
 */
export class ProgramValidator {
  readonly #options: ProgramOptions
  readonly #name: string
  readonly #unlock: () => void
  readonly #commits: CommitFile
  readonly #network: TlsNetwork
  readonly #replica: Replica
  readonly #servers: HttpServer[] = []

  constructor(options: ProgramOptions) {
    const { committee, parameters } = options.committee
    const secrets = readSecretFile(options.secret)
    const own = authorityOf(committee, secrets)
    const { log, clock, failed } = options
    this.#options = options
    this.#name = committee.authorities[own]!.name
    this.#unlock = lockFolder(options.dir)
    this.#commits = new CommitFile(options.commits, committee.domain, failed)
    this.#network = this.#newNetwork(own, secrets)
    this.#replica = createReplica({
      committee,
      own,
      parameters,
      sign: (root) => sign(null, root, secrets.protocolKey),
      replica: options.replica,
      clock,
      random: systemRandom,
      disk: new FileDisk(join(options.dir, 'wal')),
      network: this.#network,
      verifier: new ThreadVerifier(committee),
      consumer: this.#commits,
      log,
      failed,
    })
  }

  /** Resolves once peers and users are listened for, with a line for a person. */
  async start(): Promise<{ readonly name: string; readonly listening: string }> {
    await new Promise<void>((resolve, reject) =>
      this.#replica.start((error) => (error === undefined ? resolve() : reject(error))),
    )
    const { http, metrics } = this.#options
    const port = await this.#serve(http, true)
    if (metrics !== undefined) await this.#serve(metrics, false)
    return { name: this.#name, listening: `peers on port ${this.#network.port}, users on http://${http.host}:${port}` }
  }

  /** Hangs up, syncs, and leaves the folder to the next process. */
  async stop(): Promise<void> {
    // Users first: their waiting requests are answered while the replica stops.
    const closing = new Promise<void>((resolve) => this.#replica.stop(resolve))
    await closing
    for (const server of this.#servers.toReversed()) await server.close()
    await new Promise<void>((resolve) => this.#commits.close(resolve))
    this.#unlock()
  }

  #newNetwork(own: number, { networkKey }: Secrets): TlsNetwork {
    const { committee, clock, log, listen } = this.#options
    const { authorities, epoch } = committee.committee
    const peers = authorities.map(({ address, networkKey }) => ({ ...splitAddress(address), networkKey }))
    return new TlsNetwork({
      peers,
      own,
      networkKey,
      epoch,
      committeeDigest: committee.digest,
      listen: listen ?? peers[own]!,
      clock,
      random: systemRandom,
      log,
    })
  }

  async #serve(address: Address, takes: boolean): Promise<number> {
    const replica = this.#replica
    const status = () => replica.status()
    const server = new HttpServer({
      status,
      head: () => replica.head(),
      metrics: replicaMetrics({ status, refusedLinks: () => this.#network.refusals }, true),
      maxBodyBytes: this.#options.replica.maxQueuedTransactionBytes,
      ...(takes ? { submit: (transaction, done) => replica.submit(transaction, done) } : {}),
    })
    this.#servers.push(server)
    return server.listen(address)
  }
}
