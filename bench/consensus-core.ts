import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { decodeSignedBlock } from '../src/consensus/block-codec.ts'
import { createCommittee } from '../src/consensus/committee.ts'
import { type ConsensusState, createConsensus, step } from '../src/consensus/consensus.ts'
import { defaultParameters } from '../src/consensus/parameters.ts'
import { statusOf } from '../src/consensus/queries.ts'
import type { ConsensusEffect, ConsensusEvent, SignedBlock } from '../src/consensus/types.ts'
import { verifyBlock, verifySignature } from '../src/consensus/verify-block.ts'

/** One run of the bench. */
export interface CoreBench {
  readonly validators: number
  readonly transactionsPerBlock: number
  readonly transactionBytes: number
  readonly rounds: number
  /** Whether receivers decode, check and verify every block, or share the author's object. */
  readonly verify: boolean
}

/** What one run gave. Times are of one core that does the work of all validators. */
export interface CoreResult {
  readonly roundsPerSecond: number
  readonly orderedPerSecond: number
  readonly cpuMicrosPerOrdered: number
  readonly heapMegabytes: number
  readonly rssMegabytes: number
  readonly commits: number
}

interface Message {
  readonly to: number
  readonly from: number
  readonly block: SignedBlock
}

/** A committee in one thread: no network, no disk, no throttle; blocks arrive in the order they were sent. */
class Bench {
  readonly #bench: CoreBench
  readonly #committee
  readonly #states: ConsensusState[]
  #queue: Message[] = []
  ordered = 0
  commits = 0

  constructor(bench: CoreBench) {
    this.#bench = bench
    const keys = Array.from({ length: bench.validators }, () => generateKeyPairSync('ed25519'))
    const raw = (key: KeyObject): Uint8Array => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
    const authorities = keys.map(({ publicKey }, at) => {
      return { name: `v${at}`, stake: 1, protocolKey: raw(publicKey), networkKey: raw(publicKey), address: '' }
    })
    this.#committee = createCommittee(0, authorities)
    const pool = Array.from({ length: bench.transactionsPerBlock }, () => Buffer.alloc(bench.transactionBytes, 7))
    this.#states = keys.map(({ privateKey }, own) =>
      createConsensus({
        committee: this.#committee,
        own,
        parameters: { ...defaultParameters, minRoundDelayMs: 0 },
        sign: (root) => (bench.verify ? sign(null, root, privateKey) : new Uint8Array(64)),
        transactions: { take: () => pool },
      }),
    )
  }

  #happen(to: number, event: ConsensusEvent): void {
    this.#perform(to, step(this.#states[to]!, event, 0))
  }

  #perform(from: number, effects: readonly ConsensusEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'broadcast') this.#send(from, effect.block)
      if (effect.type !== 'deliver' || from !== 0) continue
      this.commits++
      for (const { block } of effect.subDag.blocks) this.ordered += block.transactions.length
    }
  }

  #send(from: number, block: SignedBlock): void {
    for (let to = 0; to < this.#states.length; to++) if (to !== from) this.#queue.push({ to, from, block })
  }

  #receive(block: SignedBlock): SignedBlock {
    if (!this.#bench.verify) return block
    const read = decodeSignedBlock(block.bytes, this.#committee)
    const refused = verifyBlock(this.#committee, defaultParameters, read)
    if (refused !== undefined || !verifySignature(this.#committee, read)) throw new Error(`refused: ${refused}`)
    return read
  }

  begin(): void {
    this.#states.forEach((_, own) => {
      this.#happen(own, { type: 'subscribers', count: 1 })
      this.#happen(own, { type: 'ownLastRoundLearned', round: 0 })
    })
  }

  run(rounds: number): void {
    while (this.#states[0]!.clock.round <= rounds) {
      const batch = this.#queue
      this.#queue = []
      for (const { to, from, block } of batch)
        this.#happen(to, { type: 'blocks', from, blocks: [this.#receive(block)] })
    }
    if (statusOf(this.#states[0]!).dagBlocks > 80 * this.#bench.validators) throw new Error('The DAG grows.')
  }
}

/** Runs a committee in this thread and measures it. */
export function benchCore(bench: CoreBench): CoreResult {
  const run = new Bench(bench)
  const cpu = process.cpuUsage()
  const started = performance.now()
  run.begin()
  run.run(bench.rounds)
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const { heapUsed, rss } = process.memoryUsage()
  return {
    roundsPerSecond: bench.rounds / seconds,
    orderedPerSecond: run.ordered / seconds,
    cpuMicrosPerOrdered: run.ordered === 0 ? 0 : (user + system) / run.ordered,
    heapMegabytes: heapUsed / 1e6,
    rssMegabytes: rss / 1e6,
    commits: run.commits,
  }
}

const runs: readonly CoreBench[] = [
  { validators: 4, transactionsPerBlock: 0, transactionBytes: 512, rounds: 3000, verify: true },
  { validators: 4, transactionsPerBlock: 50, transactionBytes: 512, rounds: 3000, verify: true },
  { validators: 4, transactionsPerBlock: 500, transactionBytes: 512, rounds: 600, verify: true },
  { validators: 10, transactionsPerBlock: 0, transactionBytes: 512, rounds: 600, verify: true },
  { validators: 10, transactionsPerBlock: 200, transactionBytes: 512, rounds: 300, verify: true },
  { validators: 50, transactionsPerBlock: 0, transactionBytes: 512, rounds: 40, verify: true },
  { validators: 50, transactionsPerBlock: 100, transactionBytes: 512, rounds: 40, verify: true },
  { validators: 50, transactionsPerBlock: 0, transactionBytes: 512, rounds: 100, verify: false },
]

const round = (value: number, digits = 0): string => value.toFixed(digits)

/** Prints a table: all validators on one core, every receiver decoding and verifying each block by itself. */
export function printCoreBench(write: (line: string) => void): void {
  write('validators  tx/block  rounds/s  ordered tx/s  CPU µs/tx  RSS MB  signatures')
  for (const bench of runs) {
    const { roundsPerSecond, orderedPerSecond, cpuMicrosPerOrdered, rssMegabytes } = benchCore(bench)
    write(
      [
        String(bench.validators).padStart(10),
        String(bench.transactionsPerBlock).padStart(8),
        round(roundsPerSecond).padStart(8),
        round(orderedPerSecond).padStart(12),
        round(cpuMicrosPerOrdered, 2).padStart(9),
        round(rssMegabytes).padStart(6),
        bench.verify ? 'verified' : 'none',
      ].join('  '),
    )
  }
}

/** Rounds of one virtual hour at the default shortest time between blocks. */
const hour = (3600 * 1000) / defaultParameters.minRoundDelayMs

/** Prints the memory of four validators, all in this process, over an hour of virtual time. */
export function printHour(write: (line: string) => void): void {
  const run = new Bench({ validators: 4, transactionsPerBlock: 50, transactionBytes: 512, rounds: hour, verify: false })
  run.begin()
  write('minute  heap MB  RSS MB  ordered tx')
  for (let minute = 10; minute <= 60; minute += 10) {
    run.run((hour * minute) / 60)
    globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    const cells = [round(heapUsed / 1e6, 1).padStart(7), round(rss / 1e6).padStart(6), String(run.ordered).padStart(10)]
    write(`${String(minute).padStart(6)}  ${cells.join('  ')}`)
  }
}

if (import.meta.main) (process.argv[2] === 'hour' ? printHour : printCoreBench)((line) => console.log(line))
