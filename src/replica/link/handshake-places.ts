import type { Socket } from 'node:net'
import { networkOf } from '../../core/network-of.ts'
import type { Random } from '../../core/random.ts'

/** Who gets a place. */
export interface HandshakePlacesOptions {
  /** Places for addresses that no member is known to use, and as many again for those of members. */
  readonly places: number
  readonly isMember: (network: string) => boolean
  readonly random: Random
  /** The socket is destroyed next. */
  readonly turnedAway: (socket: Socket) => void
}

/**
 * Places for sockets that have not proved who they are. When all are taken, one of the most crowded network goes, by
 * chance: a flood from few addresses displaces itself, and one that shares an address with a member never displaces it
 * for sure. Networks of members have places of their own, so a flood from elsewhere does not reach them at all.
 */
export class HandshakePlaces {
  readonly #options: HandshakePlacesOptions
  readonly #strangers: Crowds
  readonly #members: Crowds

  constructor(options: HandshakePlacesOptions) {
    this.#options = options
    this.#strangers = new Crowds(options)
    this.#members = new Crowds(options)
  }

  /** Gives a place to the socket until it is taken away or the socket closes; somebody else may be destroyed for it. */
  give(socket: Socket): void {
    const network = networkOf(socket.remoteAddress ?? '')
    const crowds = this.#options.isMember(network) ? this.#members : this.#strangers
    crowds.add(network, socket)
    socket.once('close', () => this.takeAway(socket))
  }

  /** The socket needs its place no more. */
  takeAway(socket: Socket): void {
    if (!this.#strangers.remove(socket)) this.#members.remove(socket)
  }
}

class Crowds {
  readonly #options: HandshakePlacesOptions
  readonly #crowds = new Map<string, Socket[]>()
  readonly #networks = new Map<Socket, string>()

  constructor(options: HandshakePlacesOptions) {
    this.#options = options
  }

  add(network: string, socket: Socket): void {
    if (this.#networks.size >= this.#options.places) this.#turnOneAway()
    const crowd = this.#crowds.get(network)
    if (crowd === undefined) this.#crowds.set(network, [socket])
    else crowd.push(socket)
    this.#networks.set(socket, network)
  }

  remove(socket: Socket): boolean {
    const network = this.#networks.get(socket)
    if (network === undefined) return false
    this.#networks.delete(socket)
    const crowd = this.#crowds.get(network)!
    const last = crowd.pop()!
    const at = last === socket ? -1 : crowd.indexOf(socket)
    if (at !== -1) crowd[at] = last
    if (crowd.length === 0) this.#crowds.delete(network)
    return true
  }

  #turnOneAway(): void {
    let largest: Socket[] = []
    for (const crowd of this.#crowds.values()) if (crowd.length > largest.length) largest = crowd
    const socket = largest[this.#options.random.int(largest.length)]!
    this.remove(socket)
    this.#options.turnedAway(socket)
    socket.destroy()
  }
}
