import type { Call } from '../../rpc/call.ts'
import { Conduct } from './conduct.ts'

/** Before it is known of a method itself, a good answer may be so old and still count against its class's bad ones. */
const stillFreshMs = 2000
/** A degraded upstream gets one call in so many of a method, and no two within this time, to see whether it is well again. */
const trickleEvery = 10
const trickleGapMs = 250
/** Where calls are rare, one is let through after this long. */
const trickleAtLeastMs = 5000

/** How one upstream fares, method by method, by the cost of methods where a method is rare, and in its probes. */
export class ConductBook {
  readonly #byLabel = new Map<string, Conduct>()
  readonly #byCost: Readonly<Record<Call['cost'], Conduct>>
  /** Usual duration of its last probes, in milliseconds. */
  probeMs: number | undefined
  /** Its probes take clearly longer than a peer's; since when. */
  slowProbesSince: number | undefined
  /** Whether anything at all is amiss: what the choice asks first. */
  troubled = false

  constructor(now: number) {
    this.#byCost = { light: new Conduct(now), medium: new Conduct(now), heavy: new Conduct(now) }
  }

  /** What attempts of this call's method are noted in. */
  of({ label }: Call, now: number): Conduct {
    let own = this.#byLabel.get(label)
    if (own === undefined) {
      own = new Conduct(now)
      this.#byLabel.set(label, own)
    }
    return own
  }

  /** What attempts of its class are noted in. */
  ofClass({ cost }: Call): Conduct {
    return this.#byCost[cost]
  }

  /** Whether this call had better go elsewhere. */
  isDegradedFor(call: Call, now: number): boolean {
    if (!this.troubled) return false
    const own = this.#byLabel.get(call.label)
    if (own?.degraded === true) return own.degradedSince(now) !== undefined
    const since = this.#classDegradedSince(call.cost, now)
    return since !== undefined && own?.hasOwnVerdict(since - stillFreshMs) !== true
  }

  /** Whether this call may be the one that shows whether a degraded upstream is well again; counts it. */
  takeTrickle(call: Call, now: number): boolean {
    const own = this.of(call, now)
    own.trickleCalls++
    // The first that is kept away only starts the time.
    own.trickledAt ??= now
    const waited = now - own.trickledAt
    const isDue = own.trickleCalls >= trickleEvery ? waited >= trickleGapMs : waited >= trickleAtLeastMs
    if (!isDue) return false
    own.trickleCalls = 0
    own.trickledAt = now
    return true
  }

  /** All that is degraded, worst first, in words: methods before classes of them. */
  degradedIn(now: number): { readonly what: string; readonly share: number }[] {
    const found = [
      ...this.#byLabel,
      ...Object.entries(this.#byCost).map(([cost, one]) => [`${cost} calls`, one] as const),
    ]
    return found
      .filter(([, conduct]) => conduct.degradedSince(now) !== undefined)
      .map(([what, { share }]) => ({ what, share }))
  }

  /** Every conduct of the book. */
  all(): Conduct[] {
    return [...this.#byLabel.values(), ...Object.values(this.#byCost)]
  }

  /** A class with a verdict of its own speaks for its rare methods; else anything that is amiss does. */
  #classDegradedSince(cost: Call['cost'], now: number): number | undefined {
    const own = this.#byCost[cost]
    if (own.degraded) return own.degradedSince(now)
    let since = this.slowProbesSince
    for (const other of Object.values(this.#byCost)) {
      const at = other.degradedSince(now)
      if (at !== undefined && (since === undefined || at < since)) since = at
    }
    return since === undefined || own.hasOwnVerdict(since - stillFreshMs) ? undefined : since
  }
}
