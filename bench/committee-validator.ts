import { sign } from 'node:crypto'
import { join } from 'node:path'
import { loadConsensusConfig } from '../src/cli/consensus-config.ts'
import { realClock } from '../src/core/clock.ts'
import { silentLog } from '../src/core/log.ts'
import { systemRandom } from '../src/core/random.ts'
import { FileDisk } from '../src/replica/disk/file-disk.ts'
import { splitAddress } from '../src/replica/identity/committee-file.ts'
import { authorityOf, readSecretFile } from '../src/replica/identity/secret-file.ts'
import { TlsNetwork } from '../src/replica/link/tls-network.ts'
import { createReplica } from '../src/replica/replica.ts'
import { ThreadVerifier } from '../src/replica/signature-verifier.ts'

/*
 * One validator of the benchmark, in a process of its own: real sockets and disk, a load generator and a stopwatch
 * inside. Told what to do by its parent; tells figures back.
 */

/** Start the load, measure between the two moments, then tell. */
export interface Order {
  readonly perSecond: number
  readonly transactionBytes: number
  readonly warmUpMs: number
  readonly measureMs: number
}

/** What one validator measured. */
export interface Figures {
  readonly latenciesMs: readonly number[]
  /** Transactions ordered, of all validators. */
  readonly ordered: number
  readonly refused: number
  readonly rounds: number
  readonly commits: number
  readonly cpuPercent: number
  readonly rssMegabytes: number
  /** What was added during the measurement. */
  readonly rssGrowthMegabytes: number
  readonly peakRssMegabytes: number
}

const tickMs = 5
const epoch = performance.timeOrigin

function run(configPath: string): void {
  const config = loadConsensusConfig(configPath)
  const { committee, parameters, digest } = config.committee
  const secrets = readSecretFile(config.secret)
  const own = authorityOf(committee, secrets)
  const peers = committee.authorities.map(({ address, networkKey }) => ({ ...splitAddress(address), networkKey }))
  const watch = new Stopwatch(own)
  const network = new TlsNetwork({
    peers,
    own,
    networkKey: secrets.networkKey,
    epoch: committee.epoch,
    committeeDigest: digest,
    listen: peers[own]!,
    clock: realClock,
    random: systemRandom,
    log: silentLog,
  })
  const replica = createReplica({
    committee,
    own,
    parameters,
    sign: (root) => sign(null, root, secrets.protocolKey),
    replica: config.replica,
    clock: realClock,
    random: systemRandom,
    disk: new FileDisk(join(config.dir, 'wal')),
    network,
    verifier: new ThreadVerifier(committee),
    consumer: {
      cursor: () => 0,
      deliver: (subDag, done) => {
        for (const { ref, block } of subDag.blocks) watch.ordered(ref.author, block.transactions)
        done()
      },
    },
    log: silentLog,
    failed: (error) => {
      console.error(error)
      process.exit(1)
    },
  })
  replica.start()
  process.on('message', (order: Order) => {
    const load = new Load(order, (transaction, done) => replica.submit(transaction, done))
    setTimeout(() => {
      const { round, lastCommit } = replica.status()
      const cpu = process.cpuUsage()
      const rss = process.memoryUsage.rss()
      watch.reset()
      load.refused = 0
      setTimeout(() => {
        const used = process.cpuUsage(cpu)
        const status = replica.status()
        load.stop()
        const figures: Figures = {
          latenciesMs: [...watch.latencies.subarray(0, Math.min(watch.taken, sampleSize))],
          ordered: watch.count,
          refused: load.refused,
          rounds: status.round - round,
          commits: status.lastCommit.index - lastCommit.index,
          cpuPercent: (used.user + used.system) / 10 / order.measureMs,
          rssMegabytes: process.memoryUsage.rss() / 1e6,
          rssGrowthMegabytes: (process.memoryUsage.rss() - rss) / 1e6,
          peakRssMegabytes: process.resourceUsage().maxRSS / 1e3,
        }
        process.send!(figures)
      }, order.measureMs)
    }, order.warmUpMs)
  })
  process.on('disconnect', () => process.exit(0))
  process.send!('ready')
}

/** Latencies kept, drawn evenly from all: a list of all of them would be the growth that is measured. */
const sampleSize = 50_000

/** Takes the times of own transactions out of what is delivered. */
class Stopwatch {
  readonly latencies = new Float64Array(sampleSize)
  taken = 0
  count = 0
  readonly #own: number

  constructor(own: number) {
    this.#own = own
  }

  reset(): void {
    this.taken = 0
    this.count = 0
  }

  #take(latency: number): void {
    const place = this.taken < sampleSize ? this.taken : Math.floor(Math.random() * (this.taken + 1))
    if (place < sampleSize) this.latencies[place] = latency
    this.taken++
  }

  ordered(author: number, transactions: { readonly length: number; at(index: number): Uint8Array }): void {
    this.count += transactions.length
    if (author !== this.#own) return
    const now = epoch + performance.now()
    for (let at = 0; at < transactions.length; at++) {
      const bytes = transactions.at(at)
      this.#take(now - new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0))
    }
  }
}

/** Submits at a steady rate, in ticks. */
class Load {
  refused = 0
  readonly #timer: NodeJS.Timeout

  constructor(
    { perSecond, transactionBytes }: Order,
    submit: (transaction: Uint8Array, done: (result: string) => void) => void,
  ) {
    const start = performance.now()
    let made = 0
    const done = (result: string): void => {
      if (result !== 'included') this.refused++
    }
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - start) / 1000) * perSecond)
      for (; made < due; made++) {
        const transaction = Buffer.allocUnsafeSlow(transactionBytes)
        transaction.writeDoubleBE(epoch + performance.now(), 0)
        transaction.writeUInt32BE(made, 8)
        submit(transaction, done)
      }
    }, tickMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

const [configPath] = process.argv.slice(2)
if (configPath !== undefined && process.send !== undefined) run(configPath)
