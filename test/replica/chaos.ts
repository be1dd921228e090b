import assert from 'node:assert/strict'
import { realClock, sleep } from '../../src/core/clock.ts'
import { type Random, seededRandom } from '../../src/core/random.ts'
import { hashOf, ProcessCommittee, type ValidatorProcess } from './process-committee.ts'

/** What a run showed. */
export interface ChaosReport {
  readonly commits: number
  readonly ordered: number
  readonly included: number
  readonly faults: Readonly<Record<string, number>>
}

const size = 4

/**
 * Runs four validators for a while, with load and with faults that a committee of four must bear: processes killed,
 * ended and stopped, a disk wiped, links cut; and with a stranger at the door. Then heals everything and checks that
 * all have the same sequence, in which everything that was taken stands once.
 */
export async function chaos(seconds: number, seed: number, say: (line: string) => void): Promise<ChaosReport> {
  const committee = await ProcessCommittee.create(size)
  const run = new Chaos(committee, seededRandom(seed), say)
  try {
    return await run.run(seconds)
  } finally {
    await run.stop()
  }
}

class Chaos {
  readonly #committee: ProcessCommittee
  readonly #random: Random
  readonly #say: (line: string) => void
  /** Taken transactions by validator; a wiped validator may have forgotten its own. */
  readonly #included = Array.from({ length: size }, () => new Set<string>())
  readonly #faults: Record<string, number> = {}
  readonly #startedAt = realClock.now()
  #loading = true
  #stranger: ValidatorProcess | undefined

  constructor(committee: ProcessCommittee, random: Random, say: (line: string) => void) {
    this.#committee = committee
    this.#random = random
    this.#say = say
  }

  async run(seconds: number): Promise<ChaosReport> {
    const { validators } = this.#committee
    for (const validator of validators) validator.start()
    await this.#until(() => this.#shortest() > 5, 'the committee works')
    this.#stranger = await this.#committee.stranger()
    this.#stranger.start()
    const loads = validators.map((_, index) => this.#load(index))
    const end = realClock.now() + seconds * 1000
    while (realClock.now() < end) await this.#misfortune()
    await this.#until(() => this.#shortest() > 20, 'the committee has gone on')
    this.#loading = false
    await Promise.all(loads)
    await this.#settle()
    await this.#checkStranger()
    return this.#judge()
  }

  async stop(): Promise<void> {
    this.#loading = false
    await this.#stranger?.end('SIGKILL')
    await this.#committee.close()
  }

  async #load(index: number): Promise<void> {
    for (let n = 0; this.#loading; n++) {
      const transaction = `transaction ${n} of ${index}`
      if (await this.#committee.validators[index]!.submit(transaction)) this.#included[index]!.add(transaction)
      await sleep(realClock, 20)
    }
  }

  /** One fault, and its end. */
  async #misfortune(): Promise<void> {
    const faults = [
      this.#kill,
      this.#kill,
      this.#killTwo,
      this.#restart,
      this.#pause,
      this.#wipe,
      this.#cut,
      this.#cutOff,
    ]
    const fault = faults[this.#random.int(faults.length)]!
    await fault.call(this)
    await sleep(realClock, 200 + this.#random.int(1500))
  }

  async #kill(): Promise<void> {
    const index = this.#random.int(size)
    this.#note('kill', `${index}`)
    await this.#down(index, 'SIGKILL', this.#random.int(2000))
  }

  /** More than the committee bears: it halts, and goes on when they are back. */
  async #killTwo(): Promise<void> {
    const first = this.#random.int(size)
    const second = (first + 1 + this.#random.int(size - 1)) % size
    this.#note('killTwo', `${first}, ${second}`)
    await Promise.all([first, second].map((index) => this.#down(index, 'SIGKILL', this.#random.int(2000))))
  }

  async #restart(): Promise<void> {
    const index = this.#random.int(size)
    this.#note('restart', `${index}`)
    await this.#down(index, 'SIGTERM', 0)
  }

  async #pause(): Promise<void> {
    const index = this.#random.int(size)
    this.#note('pause', `${index}`)
    this.#committee.validators[index]!.pause()
    await sleep(realClock, 500 + this.#random.int(3000))
    this.#committee.validators[index]!.goOn()
  }

  /** A lost disk is the worst that may happen to one validator: nothing else happens until it takes part again. */
  async #wipe(): Promise<void> {
    const index = this.#random.int(size)
    const validator = this.#committee.validators[index]!
    this.#note('wipe', `${index}`)
    await this.#until(() => this.#allWithin(50), 'nobody lags')
    await validator.end('SIGKILL')
    validator.wipe()
    this.#included[index]!.clear()
    validator.start()
    await this.#until(() => this.#allWithin(50), 'the wiped one has caught up')
  }

  async #cut(): Promise<void> {
    const a = this.#random.int(size)
    const b = (a + 1 + this.#random.int(size - 1)) % size
    const silently = this.#random.float() < 0.5
    this.#note('cut', `${a}-${b}${silently ? ' silently' : ''}`)
    this.#committee.cut(a, b, silently)
    await sleep(realClock, 500 + this.#random.int(4000))
    this.#committee.mend(a, b)
  }

  async #cutOff(): Promise<void> {
    const index = this.#random.int(size)
    this.#note('cutOff', `${index}`)
    const others = [0, 1, 2, 3].filter((other) => other !== index)
    for (const other of others) this.#committee.cut(index, other, false)
    await sleep(realClock, 500 + this.#random.int(4000))
    for (const other of others) this.#committee.mend(index, other)
  }

  async #down(index: number, signal: 'SIGKILL' | 'SIGTERM', ms: number): Promise<void> {
    const validator = this.#committee.validators[index]!
    await validator.end(signal)
    await sleep(realClock, ms)
    validator.start()
  }

  #note(fault: string, detail: string): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1
    this.#say(`${((realClock.now() - this.#startedAt) / 1000).toFixed(1)} s: ${fault} ${detail}`)
  }

  /** Everything that was taken is ordered everywhere, and all stand at about the same place. */
  async #settle(): Promise<void> {
    const taken = this.#included.flatMap((names) => [...names].map(hashOf))
    const known = this.#committee.validators.map(() => ({ lines: 0, hashes: new Set<string>() }))
    await this.#until(() => {
      this.#committee.validators.forEach((validator, index) => {
        const seen = known[index]!
        const lines = validator.commits()
        for (const line of lines.slice(seen.lines)) for (const hash of transactionsOf(line)) seen.hashes.add(hash)
        seen.lines = lines.length
      })
      return known.every(({ hashes }) => taken.every((hash) => hashes.has(hash)))
    }, 'everything taken is ordered everywhere')
  }

  #judge(): ChaosReport {
    const sequences = this.#committee.validators.map((validator) => validator.commits())
    const shortest = Math.min(...sequences.map(({ length }) => length))
    const common = sequences[0]!.slice(0, shortest)
    for (const [index, sequence] of sequences.entries()) {
      assert.deepEqual(sequence.slice(0, shortest), common, `validator ${index} has another sequence`)
    }
    common.forEach((line, at) => {
      assert.equal((JSON.parse(line) as { index: number }).index, at + 1)
    })
    const ordered = common.flatMap(transactionsOf)
    assert.equal(new Set(ordered).size, ordered.length, 'a transaction is ordered twice')
    const included = this.#included.reduce((sum, names) => sum + names.size, 0)
    return { commits: shortest, ordered: ordered.length, included, faults: this.#faults }
  }

  async #checkStranger(): Promise<void> {
    const status = JSON.parse(await this.#stranger!.get('/status')) as {
      round: number
      peers: { connected: boolean }[]
    }
    assert.equal(status.round, 1, 'the stranger took part')
    assert.ok(status.peers.every(({ connected }) => !connected))
    let refused = 0
    const count = async (): Promise<void> => {
      const texts = await Promise.all(this.#committee.validators.map((validator) => validator.get('/metrics')))
      refused = texts.reduce((sum, text) => sum + Number(/links_total\{reason="stranger"\} (\d+)/.exec(text)?.[1]), 0)
    }
    for (let tries = 0; refused === 0 && tries < 100; tries++) {
      await count()
      await sleep(realClock, 200)
    }
    assert.ok(refused > 0, 'the stranger was counted')
  }

  #shortest(): number {
    return Math.min(...this.#committee.validators.map((validator) => validator.commits().length))
  }

  #allWithin(commits: number): boolean {
    const lengths = this.#committee.validators.map((validator) => validator.commits().length)
    return Math.max(...lengths) - Math.min(...lengths) < commits
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const deadline = realClock.now() + 90_000
    while (!condition()) {
      if (realClock.now() > deadline) assert.fail(`waited too long until ${what}\n${await this.#states()}`)
      await sleep(realClock, 100)
    }
  }

  async #states(): Promise<string> {
    const { validators } = this.#committee
    const states = validators.map(async (validator, index) => {
      const status = await validator.get('/status').catch((error: unknown) => String(error))
      return `${index} (${validator.commits().length} lines): ${status}${validator.complaints}`
    })
    return (await Promise.all(states)).join('\n')
  }
}

function transactionsOf(line: string): readonly string[] {
  return (JSON.parse(line) as { transactions: string[] }).transactions
}
