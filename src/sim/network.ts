import type { Clock } from '../core/clock.ts'
import { InvariantError } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import type { LinkHandlers, PeerLink, PeerNetwork } from '../replica/seams.ts'
import { VirtualLink } from './link.ts'
import type { Gate } from './process.ts'
import type { Weather } from './weather.ts'

/** A dial is given up after this long without an answer. */
const dialTimeoutMs = 3000

/** TCP and TLS 1.3 greet each other in this many crossings before the first frame. */
const handshakeCrossings = 4

/** What the network needs to run. */
export interface NetworkSeams {
  readonly clock: Clock
  readonly random: Random
  readonly weather: Weather
}

/**
 * The wires between the validators of a simulated committee. Links behave as TCP does: frames come whole and in order,
 * a lost one is sent again and holds up those behind it, and a link over which nothing gets through closes. Faults may
 * also reorder, duplicate and corrupt whole frames, which a network under TLS cannot do and an author who cheats can.
 */
export class VirtualNetwork {
  readonly #seams: NetworkSeams
  readonly #stations = new Map<number, Station>()

  constructor(seams: NetworkSeams) {
    this.#seams = seams
  }

  /** A validator's connection to the network, for one life of its process. */
  join(own: number, gate: Gate = (run) => run()): Station {
    const station = new Station(own, this.#seams, this.#stations, gate)
    this.#stations.set(own, station)
    return station
  }
}

/** One validator's end of all its links. */
export class Station implements PeerNetwork {
  readonly #own: number
  readonly #seams: NetworkSeams
  readonly #stations: Map<number, Station>
  readonly #gate: Gate
  readonly #links = new Set<VirtualLink>()
  #accept: ((link: PeerLink) => LinkHandlers) | undefined
  #dead = false

  constructor(own: number, seams: NetworkSeams, stations: Map<number, Station>, gate: Gate) {
    this.#own = own
    this.#seams = seams
    this.#stations = stations
    this.#gate = gate
  }

  listen(accept: (link: PeerLink) => LinkHandlers, ready: (error?: Error) => void): void {
    this.#accept = accept
    this.#later(0, () => ready())
  }

  connect(peer: number, opened: (link: PeerLink) => LinkHandlers, failed: (reason: string) => void): void {
    const { clock, random, weather } = this.#seams
    const crossing = weather.travelMs(this.#own, peer, clock.now(), random)
    const greeted = clock.now() + handshakeCrossings * crossing
    if (weather.parted(this.#own, peer, clock.now())) {
      this.#later(dialTimeoutMs, () => failed('dial timed out'))
      return
    }
    this.#later(greeted - clock.now(), () => {
      if (weather.parted(this.#own, peer, clock.now())) return failed('dial timed out')
      const station = this.#stations.get(peer)
      if (station === undefined || !station.listening) return failed('connection refused')
      this.#open(station, peer, opened)
    })
  }

  close(done: () => void): void {
    this.#accept = undefined
    for (const link of [...this.#links]) link.close('closed')
    this.#later(0, done)
  }

  /** The process died: its callbacks stop at once, and its peers hear of it one crossing later. */
  die(): void {
    this.#dead = true
    this.#accept = undefined
    for (const link of [...this.#links]) link.die()
    this.#links.clear()
  }

  get listening(): boolean {
    return !this.#dead && this.#accept !== undefined
  }

  #open(station: Station, peer: number, opened: (link: PeerLink) => LinkHandlers): void {
    const near = new VirtualLink(this.#own, peer, this.#seams, (link) => this.#links.delete(link))
    const far = new VirtualLink(peer, this.#own, this.#seams, (link) => station.#links.delete(link))
    near.join(far)
    far.join(near)
    this.#links.add(near)
    station.#links.add(far)
    station.#take(far, (link) => station.#accepted(link))
    this.#take(near, opened)
  }

  #take(link: VirtualLink, handlersFor: (link: PeerLink) => LinkHandlers): void {
    this.#gate(() => {
      const handlers = handlersFor(link)
      link.handle({
        onFrame: (frame) => this.#gate(() => handlers.onFrame(frame)),
        onDrain: () => this.#gate(() => handlers.onDrain()),
        onClose: (reason) => this.#gate(() => handlers.onClose(reason)),
      })
    })
  }

  #accepted(link: PeerLink): LinkHandlers {
    if (this.#accept === undefined) throw new InvariantError('A link reached a station that does not listen.')
    return this.#accept(link)
  }

  #later(ms: number, run: () => void): void {
    this.#seams.clock.after(ms, () => {
      if (!this.#dead) this.#gate(run)
    })
  }
}
