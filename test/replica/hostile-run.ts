import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { realClock, sleep } from '../../src/core/clock.ts'
import { HostileMember } from './hostile-member.ts'
import type { Hostility } from './hostilities.ts'
import { ProcessCommittee, type ValidatorProcess } from './process-committee.ts'

/** What a run showed. */
export interface HostileReport {
  /** Commits a second, while the fourth member only listened and while it was hostile. */
  readonly before: number
  readonly during: number
  /** Most memory of an honest process, in MB. */
  readonly residentMb: number
}

/** Connections a second of a stranger that says nothing. */
const strangersPerSecond = 420

/** Three honest validators as processes, and a fourth place that is taken by somebody hostile. */
export class HostileRun {
  readonly #committee: ProcessCommittee
  readonly #honest: readonly ValidatorProcess[]
  #member: HostileMember | undefined
  #residentBytes = 0

  private constructor(committee: ProcessCommittee) {
    this.#committee = committee
    this.#honest = committee.validators.slice(0, 3)
  }

  static async run(hostility: Hostility, seconds: number): Promise<HostileReport> {
    const run = new HostileRun(
      await ProcessCommittee.create(4, { direct: true, parameters: { commitsPerSchedule: 15 } }),
    )
    try {
      await run.#start()
      const before = await run.#measure(seconds)
      run.#member!.begin(hostility)
      const during = await run.#measure(seconds)
      run.#checkAgreement()
      return { before, during, residentMb: Math.round(run.#residentBytes / 1e6) }
    } finally {
      await run.#stop()
    }
  }

  /** A stranger floods the door of one validator while that one is started anew and needs all its links. */
  static async strangers(seconds: number): Promise<HostileReport> {
    const run = new HostileRun(
      await ProcessCommittee.create(4, { direct: true, parameters: { commitsPerSchedule: 15 } }),
    )
    const sockets = new Set<Socket>()
    try {
      await run.#start()
      const before = await run.#measure(seconds)
      const flood = run.#knock(sockets)
      const [one] = run.#honest as [ValidatorProcess]
      await one.end('SIGTERM')
      one.start()
      await run.#until(() => run.#commits() > 0 && one.up, 'it is back')
      const seen = one.commits().length
      await run.#until(() => one.commits().length > seen + 20, 'it takes part')
      const during = await run.#measure(seconds)
      flood.stop()
      run.#checkAgreement()
      return { before, during, residentMb: Math.round(run.#residentBytes / 1e6) }
    } finally {
      for (const socket of sockets) socket.destroy()
      await run.#stop()
    }
  }

  async #start(): Promise<void> {
    this.#member = await HostileMember.join(this.#committee.validators[3]!.config)
    for (const validator of this.#honest) validator.start()
    // Past the rounds in which the absent one is still chosen as a leader.
    await this.#until(() => this.#commits() > 33, 'the honest ones work')
  }

  async #stop(): Promise<void> {
    await this.#member?.close()
    await this.#committee.close()
  }

  /** Commits a second of the slowest. */
  async #measure(seconds: number): Promise<number> {
    const begin = realClock.now()
    const first = this.#commits()
    while (realClock.now() - begin < seconds * 1000) {
      await sleep(realClock, 250)
      await this.#weigh()
    }
    return ((this.#commits() - first) * 1000) / (realClock.now() - begin)
  }

  async #weigh(): Promise<void> {
    const sizes = this.#honest.map(async (validator) => {
      const text = await validator.get('/metrics').catch(() => '')
      return Number(/^\S*process_resident_memory_bytes (\d\S*)/m.exec(text)?.[1] ?? 0)
    })
    this.#residentBytes = Math.max(this.#residentBytes, ...(await Promise.all(sizes)))
  }

  #knock(sockets: Set<Socket>): { stop(): void } {
    const ports = this.#honest.map(({ peerPort }) => peerPort)
    let over = false
    const knock = (): void => {
      if (over) return
      for (let n = 0; n < strangersPerSecond / 50; n++) {
        const socket = connect({ port: ports[n % ports.length]!, host: '127.0.0.1', localAddress: '127.0.0.9' })
        sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
      }
      realClock.after(20, knock)
    }
    knock()
    return {
      stop: () => {
        over = true
      },
    }
  }

  #commits(): number {
    return Math.min(...this.#honest.map((validator) => validator.commits().length))
  }

  #checkAgreement(): void {
    const sequences = this.#honest.map((validator) => validator.commits())
    const shortest = Math.min(...sequences.map(({ length }) => length))
    for (const sequence of sequences) {
      assert.deepEqual(sequence.slice(0, shortest), sequences[0]!.slice(0, shortest), 'the sequences differ')
    }
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const deadline = realClock.now() + 60_000
    while (!condition()) {
      if (realClock.now() > deadline) assert.fail(`waited too long until ${what}`)
      await sleep(realClock, 50)
    }
  }
}
