import type { Call } from '../../rpc/call.ts'
import { type BreakerState, newBreaker } from './breaker.ts'
import { ConductBook } from './conduct-book.ts'
import { InFlight } from './in-flight.ts'
import { LatencyHistory } from './latency.ts'
import { type Allowance, newAllowance } from './limits.ts'
import type { NetworkKind, Strategy, UpstreamOptions } from './options.ts'
import type { Progress } from './progress.ts'
import { MethodRests } from './rests.ts'

/**
 * What went wrong with one attempt, beyond what its answer says: nothing came for much longer than its method takes
 * there; the answer began, then stopped or dripped; it broke off in its middle or was no answer.
 */
export type AttemptTrouble = 'silent' | 'stalled' | 'broken'

/** One try at one upstream, while it runs. */
export interface Attempt {
  readonly upstream: UpstreamState
  readonly call: Call
  readonly startedAt: number
  /** It was in flight while its upstream was found silent: its duration says nothing about its method. */
  stuck: boolean
  /** Set when the attempt is found in trouble, while it runs or at its end; stays when it answers after all. */
  trouble: AttemptTrouble | undefined
  readonly progress: Progress
  /** Its call has been answered by another: only its lateness still interests. */
  abandoned: boolean
  /** A later one answered its call, and at twice that time it still had not: its duration is no method's, but its upstream's. */
  outrun: boolean
  /** Where it stands among those in flight. */
  place: number
  /** Cuts it short. */
  abort(): void
}

/** Why an upstream may get no calls. */
export type OutReason =
  | { readonly why: 'unknown' }
  | { readonly why: 'unreachable'; readonly detail: string }
  | { readonly why: 'recovering'; readonly untilMs: number }
  | { readonly why: 'wrongChain'; readonly expected: string; readonly found: string }
  | { readonly why: 'syncing'; readonly detail: string }
  | { readonly why: 'lagging'; readonly lag: number; readonly limit: number }
  | { readonly why: 'cordoned'; readonly detail: string }

/**
 * Everything known about one upstream. Two writers only: its probe, and the pool when an attempt ends; everyone else
 * reads. Times are on the gateway's clock unless they say wall.
 */
export interface UpstreamState {
  readonly index: number
  readonly name: string
  readonly options: UpstreamOptions

  // Written by the probe.
  /** A probe has succeeded at least once. */
  seen: boolean
  /** Highest block or slot, −1 while unknown. */
  head: number
  headHash: string | undefined
  /** When its highest block was made, by the block's own time; undefined where it does not say. */
  headBornAt: number | undefined
  safe: number | undefined
  finalized: number | undefined
  chain: string | undefined
  /** Moments of the last two advances by a step that a living chain makes; −Infinity while there were none. */
  lastAdvanceAt: number
  advanceBeforeAt: number
  /** What the node said of its own state when it is not fit to answer. */
  syncing: string | undefined
  lastProbeWall: number | undefined

  // Written by both.
  /** Highest block that it has told a client of, where its probe did not know yet; −1 while unknown. */
  told: number
  failuresInARow: number
  /** Probes in a row that were answered, but not with what they asked for. */
  refusedProbes: number
  down: boolean
  lastError: string | undefined
  /** Moments at which it was lost, within the last minute. */
  losses: number[]
  wellSince: number
  /** It must stay well this long before it gets calls again; grows with every loss. */
  holdMs: number

  // Derived by `health.ts`; read by the selection.
  eligible: boolean
  out: OutReason | undefined
  lag: number

  // Written by the pool.
  readonly inFlight: InFlight<Attempt>
  lastAnswerAt: number
  suspect: boolean
  suspectedAt: number
  readonly latency: Map<string, LatencyHistory>
  readonly overall: LatencyHistory
  readonly breaker: BreakerState
  readonly allowance: Allowance
  /** Told to slow down until then. */
  pausedUntil: number
  pauseMs: number
  cordonedUntil: number
  cordonReason: string | undefined
  /** Methods for which it is asked last for a while. */
  readonly rests: MethodRests
  /** When it last answered a call well, whatever method and each. */
  soundAt: number
  readonly soundAtOf: Map<string, number>
  /** When what it said to a call last called for a look. */
  chargedAt: number
  /** Methods that it has said it does not have. */
  readonly unsupported: Set<string>
  /** Oldest block whose state it may still have; 0 while nothing speaks against all of them. */
  historyFrom: number
  answers: number
  failures: number
  readonly conduct: ConductBook
}

/** One network: its upstreams and what they say together. */
export interface NetworkState {
  readonly name: string
  readonly kind: NetworkKind
  readonly strategy: Strategy
  readonly maxLag: number
  readonly maxFailures: number
  readonly upstreams: readonly UpstreamState[]
  /** Identity that all upstreams must share: chain id, or genesis of a beacon chain. */
  chain: string | undefined
  head: number
  headHash: string | undefined
  safe: number | undefined
  finalized: number | undefined
  /** Highest head that a client was told of; −1 while none was. */
  told: number
  toldAt: number
  /** Nobody out of service answers, whatever happens. */
  readonly strict: boolean
  /** No primary is eligible and a backup is. */
  failoverActive: boolean
  /** Whose turn it is, and how often in a row the last one was chosen. */
  turn: number
  lastChosen: number
  chosenInARow: number
  /** When something last went wrong here: quiet times allow fewer extra calls. */
  lastTroubleAt: number
  /** Average time between blocks, in milliseconds; undefined until the head has moved. */
  blockMs: number | undefined
  headMovedAt: number
  /** When the head was made, where a block says so. */
  headBornAt: number | undefined
  /** It has not moved for much longer than it usually takes. */
  headStands: boolean
}

/** State of an upstream that nobody has heard of yet. */
export function newUpstream(options: UpstreamOptions, index: number, now: number): UpstreamState {
  return {
    index,
    name: options.name,
    options,
    seen: false,
    head: -1,
    headHash: undefined,
    headBornAt: undefined,
    safe: undefined,
    finalized: undefined,
    chain: undefined,
    lastAdvanceAt: Number.NEGATIVE_INFINITY,
    advanceBeforeAt: Number.NEGATIVE_INFINITY,
    syncing: undefined,
    lastProbeWall: undefined,
    told: -1,
    failuresInARow: 0,
    refusedProbes: 0,
    down: false,
    lastError: undefined,
    losses: [],
    wellSince: now,
    holdMs: 0,
    eligible: false,
    out: { why: 'unknown' },
    lag: 0,
    inFlight: new InFlight<Attempt>(),
    lastAnswerAt: now,
    suspect: false,
    suspectedAt: 0,
    latency: new Map(),
    overall: new LatencyHistory(now),
    breaker: newBreaker(),
    allowance: newAllowance(options, now),
    pausedUntil: 0,
    pauseMs: 0,
    cordonedUntil: 0,
    cordonReason: undefined,
    rests: new MethodRests(),
    soundAt: Number.NEGATIVE_INFINITY,
    soundAtOf: new Map(),
    chargedAt: Number.NEGATIVE_INFINITY,
    unsupported: new Set(),
    historyFrom: 0,
    answers: 0,
    failures: 0,
    conduct: new ConductBook(now),
  }
}

/** What a network needs to come into being. */
export interface NetworkSetup {
  readonly name: string
  readonly kind: NetworkKind
  readonly chainId: number | undefined
  readonly strategy: Strategy
  readonly strict?: boolean | undefined
  readonly maxLag: number
  readonly maxFailures: number
  readonly upstreams: readonly UpstreamOptions[]
}

/** State of a network at start. */
export function newNetwork(setup: NetworkSetup, now: number): NetworkState {
  return {
    name: setup.name,
    kind: setup.kind,
    strategy: setup.strategy,
    maxLag: setup.maxLag,
    maxFailures: setup.maxFailures,
    upstreams: setup.upstreams.map((options, index) => newUpstream(options, index, now)),
    chain: setup.chainId === undefined ? undefined : String(setup.chainId),
    head: -1,
    headHash: undefined,
    safe: undefined,
    finalized: undefined,
    told: -1,
    toldAt: now,
    strict: setup.strict ?? false,
    failoverActive: false,
    turn: 0,
    lastChosen: -1,
    chosenInARow: 0,
    lastTroubleAt: Number.NEGATIVE_INFINITY,
    blockMs: undefined,
    headMovedAt: now,
    headBornAt: undefined,
    headStands: false,
  }
}

/** History of one method at one upstream, made at first sight. */
export function historyOf(upstream: UpstreamState, label: string, now: number): LatencyHistory {
  let history = upstream.latency.get(label)
  if (history === undefined) {
    history = new LatencyHistory(now)
    upstream.latency.set(label, history)
  }
  return history
}
