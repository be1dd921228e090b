import { InvariantError } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import type { LinkHandlers, PeerLink } from '../replica/seams.ts'
import type { NetworkSeams } from './network.ts'

/** Bytes a link takes before `send` refuses: the sender's queue, the wire and the receiver's window together. */
const windowBytes = 16 * 1024 * 1024

/** A lost frame is sent again after this long, then twice as long, and so on up to {@link longestRetryMs}. */
const firstRetryMs = 200
const longestRetryMs = 1000

/** A link over which one frame could not get through for this long is dead. */
const deadAfterMs = 10_000

/** A reordered frame comes up to this many crossings late, and lets others pass. */
const reorderCrossings = 3

/** One end of a link. What it sends arrives at the end it was joined to. */
export class VirtualLink implements PeerLink {
  readonly own: number
  readonly peer: number
  readonly #seams: NetworkSeams
  readonly #forget: (link: VirtualLink) => void
  #other: VirtualLink | undefined
  #handlers: LinkHandlers | undefined
  #open = true
  #gone = false
  #doomed = false
  #paused = false
  #refused = false
  #inFlight = 0
  #lastArrival = 0
  readonly #waiting: { frame: Uint8Array; weight: number }[] = []

  constructor(own: number, peer: number, seams: NetworkSeams, forget: (link: VirtualLink) => void) {
    this.own = own
    this.peer = peer
    this.#seams = seams
    this.#forget = forget
  }

  join(other: VirtualLink): void {
    this.#other = other
  }

  handle(handlers: LinkHandlers): void {
    this.#handlers = handlers
    this.#hand()
  }

  send(frame: Uint8Array): boolean {
    if (!this.#open) return false
    if (this.#inFlight > 0 && this.#inFlight + frame.length > windowBytes) {
      this.#refused = true
      return false
    }
    this.#inFlight += frame.length
    if (!this.#doomed) this.#transmit(frame)
    return true
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#seams.clock.after(0, () => this.#hand())
  }

  close(reason: string): void {
    if (!this.#open) return
    this.#open = false
    this.#seams.clock.after(0, () => this.#end(reason))
    this.#hangUp('closed by the peer')
  }

  /** The process at this end died: nothing more is told to it, and the machine resets the link for the peer. */
  die(): void {
    this.#open = false
    this.#gone = true
    this.#hangUp('connection reset')
  }

  #hangUp(reason: string): void {
    const { clock, random, weather } = this.#seams
    const now = clock.now()
    const other = this.#far
    // The machine sends the last word again, as it does every frame: a partition that ends lets it through.
    const lag = weather.parted(this.own, this.peer, now) ? this.#lag(now) : 0
    if (lag > deadAfterMs) {
      clock.after(deadAfterMs, () => other.#end('timed out'))
      return
    }
    const crossing = lag + weather.travelMs(this.own, this.peer, now, random)
    clock.after(Math.max(crossing, this.#lastArrival - now), () => other.#end(reason))
  }

  #transmit(frame: Uint8Array): void {
    const { clock, random, weather } = this.#seams
    const now = clock.now()
    const lag = this.#lag(now)
    if (lag > deadAfterMs) {
      this.#doom()
      return
    }
    const crossing = weather.travelMs(this.own, this.peer, now, random)
    if (weather.strikes('duplicate', now, random)) this.#arrive(frame, 0, now + lag + crossing * (1 + random.float()))
    const bytes = weather.strikes('corrupt', now, random) ? corrupted(frame, random) : frame
    if (weather.strikes('reorder', now, random)) {
      this.#arrive(bytes, frame.length, now + lag + crossing * (1 + reorderCrossings * random.float()))
      return
    }
    this.#lastArrival = Math.max(this.#lastArrival, now + lag + crossing)
    this.#arrive(bytes, frame.length, this.#lastArrival)
  }

  // Losses and partitions to come are known to the weather, so all tries of one frame are played out when it is sent.
  #lag(now: number): number {
    const { random, weather } = this.#seams
    let lag = 0
    for (let retry = firstRetryMs; lag <= deadAfterMs; retry = Math.min(2 * retry, longestRetryMs)) {
      const at = now + lag
      if (!weather.parted(this.own, this.peer, at) && !weather.strikes('loss', at, random)) break
      lag += retry
    }
    return lag
  }

  #doom(): void {
    const other = this.#far
    this.#doomed = true
    this.#seams.clock.after(deadAfterMs, () => {
      this.#end('timed out')
      other.#end('timed out')
    })
  }

  #arrive(frame: Uint8Array, weight: number, at: number): void {
    const { clock } = this.#seams
    clock.after(at - clock.now(), () => this.#far.#take(frame, weight))
  }

  #take(frame: Uint8Array, weight: number): void {
    if (!this.#open) return
    if (this.#paused || this.#handlers === undefined || this.#waiting.length > 0) this.#waiting.push({ frame, weight })
    else this.#give(frame, weight)
  }

  #give(frame: Uint8Array, weight: number): void {
    this.#far.#delivered(weight)
    this.#handlers?.onFrame(frame)
  }

  #hand(): void {
    while (!this.#paused && this.#open) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#give(next.frame, next.weight)
    }
  }

  #delivered(weight: number): void {
    this.#inFlight -= weight
    if (!this.#refused || this.#gone || this.#inFlight > windowBytes / 2) return
    this.#refused = false
    this.#seams.clock.after(0, () => {
      if (this.#open) this.#handlers?.onDrain()
    })
  }

  #end(reason: string): void {
    if (this.#gone) return
    this.#open = false
    this.#gone = true
    this.#waiting.length = 0
    this.#forget(this)
    this.#handlers?.onClose(reason)
  }

  get #far(): VirtualLink {
    if (this.#other === undefined) throw new InvariantError('A link has one end.', { own: this.own, peer: this.peer })
    return this.#other
  }
}

function corrupted(frame: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(frame)
  if (copy.length === 0) return copy
  for (let flips = 1 + random.int(4); flips > 0; flips--) copy[random.int(copy.length)]! ^= 1 << random.int(8)
  return copy
}
