import type { Clock } from '../../core/clock.ts'
import { sleep } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import { noteHead } from '../upstream/head.ts'
import { type HealthChange, noteFailure, noteProbeSuccess, refresh } from '../upstream/health.ts'
import { noteRefusedProbe } from '../upstream/refused-probe.ts'
import type { NetworkState, UpstreamState } from '../upstream/state.ts'
import type { Probe, ProbeAsk, ProbeFacts } from './ask.ts'
import { ProbeLoop, type ProbeReport } from './loop.ts'

/** Told about everything the watch finds out. */
export interface WatchObserver {
  probed(report: ProbeReport): void
  changed(change: HealthChange): void
  reorged(upstream: UpstreamState, from: number, to: number): void
}

export interface WatchOptions {
  readonly network: NetworkState
  readonly intervalMs: number
  readonly probe: Probe
  readonly ask: ProbeAsk
  readonly clock: Clock
  readonly random: Random
  readonly observer: WatchObserver
}

/** After the first upstream is known to be well, how long the first calls wait for the others to be known. */
const companyMs = 100

/** Keeps the state of one network's upstreams true. */
export class Watch {
  readonly #options: WatchOptions
  readonly #loop: ProbeLoop
  #announceFirst: () => void = () => {}
  #opened = false
  /** Resolves when calls can be routed: everyone was probed once, or the first well one has waited a moment for company. */
  readonly opened: Promise<void>

  constructor(options: WatchOptions) {
    this.#options = options
    this.#loop = new ProbeLoop(options.network.upstreams, { ...options, report: (report) => this.#report(report) })
    const first = new Promise<void>((resolve) => {
      this.#announceFirst = resolve
    })
    this.opened = Promise.race([this.#started, first.then(() => sleep(options.clock, companyMs))]).then(() =>
      this.#open(),
    )
  }

  #beginRounds: () => void = () => {}
  readonly #started: Promise<void> = new Promise<void>((resolve) => {
    this.#beginRounds = () => void this.#loop.start().then(resolve)
  })

  get isOpen(): boolean {
    return this.#opened
  }

  start(): void {
    this.#beginRounds()
  }

  /** Live traffic has found an upstream broken or silent: look at it now. */
  hurry(upstream: UpstreamState): void {
    this.#loop.hurry(upstream)
  }

  /** Brings everything derived up to date and announces what changed. */
  refresh(): void {
    for (const change of refresh(this.#options.network, this.#options.clock.now()))
      this.#options.observer.changed(change)
  }

  close(): void {
    this.#loop.close()
  }

  #open(): void {
    learnChain(this.#options.network)
    this.#opened = true
    this.refresh()
  }

  #report(report: ProbeReport): void {
    const { network, clock, observer } = this.#options
    const { upstream, facts } = report
    upstream.lastProbeWall = clock.wall()
    if (facts === undefined) this.#failed(report)
    else this.#learn(upstream, facts)
    observer.probed(report)
    if (this.#opened) {
      if (network.chain === undefined) learnChain(network)
      this.refresh()
    } else if (facts !== undefined && facts.syncing === undefined) this.#announceFirst()
  }

  #failed({ upstream, problem = 'probe failed', refusal }: ProbeReport): void {
    const { network, clock } = this.#options
    if (refusal === undefined) noteFailure(network, upstream, problem)
    else {
      noteRefusedProbe(network, upstream, problem, refusal, clock.now())
      // Clients may be told the same: it should be known soon whether it stays so.
      if (!upstream.down && upstream.seen && refusal.class !== 'RATE') this.#loop.hurry(upstream)
    }
  }

  #learn(upstream: UpstreamState, facts: ProbeFacts): void {
    const { network, clock, observer } = this.#options
    if (!upstream.seen || upstream.down) forgetLimits(upstream)
    noteProbeSuccess(upstream)
    const before = { head: upstream.head, hash: upstream.headHash }
    noteHead(upstream, facts.head, network.maxLag, clock.now())
    if (facts.headHash !== undefined) upstream.headHash = facts.headHash
    if (facts.headBornWall !== undefined) {
      upstream.headBornAt = clock.now() - Math.max(0, clock.wall() - facts.headBornWall)
    } else if (before.head !== facts.head) upstream.headBornAt = undefined
    if (facts.chain !== undefined) upstream.chain = facts.chain
    if (facts.safe !== undefined) upstream.safe = facts.safe
    if (facts.finalized !== undefined) upstream.finalized = facts.finalized
    upstream.syncing = facts.syncing
    if (before.head > facts.head) observer.reorged(upstream, before.head, facts.head)
  }
}

/** Behind the address may stand another node, or the same one set up anew. */
function forgetLimits(upstream: UpstreamState): void {
  upstream.unsupported.clear()
  upstream.soundAtOf.clear()
  upstream.rests.forget()
  upstream.historyFrom = 0
}

/** Without a configured chain, the one that most upstreams name counts; a tie goes to the first in the config. */
function learnChain(network: NetworkState): void {
  if (network.chain !== undefined) return
  const votes = new Map<string, number>()
  for (const { chain } of network.upstreams) if (chain !== undefined) votes.set(chain, (votes.get(chain) ?? 0) + 1)
  const most = Math.max(0, ...votes.values())
  network.chain = [...votes].find(([, count]) => count === most)?.[0]
}
