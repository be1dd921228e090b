import type { Clock, Timer } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Random } from '../../core/random.ts'
import type { ProbeRefusal } from '../upstream/refused-probe.ts'
import type { UpstreamState } from '../upstream/state.ts'
import { type Probe, type ProbeAsk, ProbeError, type ProbeFacts } from './ask.ts'

/** What a probe came to. */
export interface ProbeReport {
  readonly upstream: UpstreamState
  readonly facts: ProbeFacts | undefined
  readonly problem: string | undefined
  /** What the upstream said instead of an answer, when it said anything. */
  readonly refusal?: ProbeRefusal | undefined
  readonly durationMs: number
}

export interface ProbeLoopOptions {
  readonly intervalMs: number
  readonly probe: Probe
  readonly ask: ProbeAsk
  readonly clock: Clock
  readonly random: Random
  report(report: ProbeReport): void
}

/** Probes hurried by live traffic keep at least this distance. */
const hurryGapMs = 100
/** Share of the interval by which it varies, both ways together. */
const jitter = 0.2

/** Probes every upstream in a rhythm of its own, so that one that hangs delays no other. */
export class ProbeLoop {
  readonly #options: ProbeLoopOptions
  readonly #slots: ReadonlyMap<UpstreamState, ProbeSlot>
  #closed = false

  constructor(upstreams: readonly UpstreamState[], options: ProbeLoopOptions) {
    this.#options = options
    this.#slots = new Map(upstreams.map((upstream) => [upstream, { timer: undefined, running: false, endedAt: -1e9 }]))
  }

  /** Probes everyone now and goes on from there. Resolves when the first round is over. */
  async start(): Promise<void> {
    await Promise.all([...this.#slots.keys()].map((upstream) => this.#round(upstream)))
  }

  /** Probes one upstream as soon as may be, because traffic says that something has changed. */
  hurry(upstream: UpstreamState): void {
    const slot = this.#slots.get(upstream)
    if (slot === undefined || slot.running || this.#closed) return
    const wait = Math.max(0, slot.endedAt + hurryGapMs - this.#options.clock.now())
    if (slot.timer !== undefined && slot.timer.due <= this.#options.clock.now() + wait) return
    this.#schedule(upstream, slot, wait)
  }

  close(): void {
    this.#closed = true
    for (const slot of this.#slots.values()) this.#options.clock.clear(slot.timer)
  }

  async #round(upstream: UpstreamState): Promise<void> {
    const slot = this.#slots.get(upstream)!
    const { clock, random, intervalMs } = this.#options
    slot.running = true
    const began = clock.now()
    const report = await this.#look(upstream, began)
    slot.running = false
    slot.endedAt = clock.now()
    if (this.#closed) return
    // The next round is planned first: a report that throws must not end the watch.
    const interval = intervalMs * (1 - jitter / 2 + jitter * random.float())
    this.#schedule(upstream, slot, Math.max(1, began + interval - slot.endedAt))
    this.#options.report(report)
  }

  async #look(upstream: UpstreamState, began: number): Promise<ProbeReport> {
    const { probe, ask, clock } = this.#options
    try {
      const facts = await probe(upstream, ask)
      return { upstream, facts, problem: undefined, durationMs: clock.now() - began }
    } catch (thrown) {
      const failed = { upstream, facts: undefined, problem: messageOf(thrown), durationMs: clock.now() - began }
      const refusal = thrown instanceof ProbeError ? thrown.refusal : undefined
      return refusal === undefined ? failed : { ...failed, refusal }
    }
  }

  #schedule(upstream: UpstreamState, slot: ProbeSlot, wait: number): void {
    this.#options.clock.clear(slot.timer)
    slot.timer = this.#options.clock.after(wait, () => {
      slot.timer = undefined
      void this.#round(upstream)
    })
  }
}

interface ProbeSlot {
  timer: Timer | undefined
  running: boolean
  endedAt: number
}
