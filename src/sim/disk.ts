import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { Disk } from '../replica/seams.ts'
import type { Gate } from './process.ts'

interface Segment {
  bytes: Uint8Array
  length: number
  /** Bytes that survive a crash of the machine. */
  synced: number
}

/** What a crash does to a disk: nothing, lose what was not synced, or lose everything. */
export type DiskFate = 'kept' | 'torn' | 'wiped'

/**
 * The platter under a validator: it outlives the process. Each life of the process opens its own {@link Disk} on it,
 * and a crash decides what the next one finds.
 */
export class VirtualDisk {
  readonly #clock: Clock
  readonly #random: Random
  readonly #syncMs: number
  #segments = new Map<number, Segment>()
  #life = 0

  /** `syncMs` is how long a sync takes. */
  constructor(clock: Clock, random: Random, syncMs: number) {
    this.#clock = clock
    this.#random = random
    this.#syncMs = syncMs
  }

  /** A handle for one life of the process. Handles opened before stop answering. */
  open(gate: Gate = (run) => run()): Disk {
    const life = ++this.#life
    const alive = (): boolean => life === this.#life
    return {
      segments: () => [...this.#segments.keys()].sort((a, b) => a - b),
      read: (number, offset, length) => this.#read(number, offset, length),
      size: (number) => this.#segments.get(number)?.length ?? 0,
      append: (number, parts) => alive() && this.#append(number, parts),
      truncate: (number, length) => alive() && this.#truncate(number, length),
      drop: (number) => alive() && this.#segments.delete(number),
      sync: (done) => this.#sync(alive, () => gate(done)),
      close: (done) => void this.#clock.after(this.#syncMs, () => alive() && gate(done)),
    }
  }

  /** The process is gone; syncs under way never finish. */
  crash(fate: DiskFate): void {
    this.#life++
    if (fate === 'wiped') this.#segments = new Map()
    if (fate === 'torn') for (const segment of this.#segments.values()) this.#tear(segment)
  }

  /** Bytes on the platter. */
  get size(): number {
    let total = 0
    for (const segment of this.#segments.values()) total += segment.length
    return total
  }

  // A prefix of the unsynced bytes may have reached the platter; its end may read as zeros, as when the file system
  // had grown the file but not written the block.
  #tear(segment: Segment): void {
    const kept = this.#random.int(segment.length - segment.synced + 1)
    segment.length = segment.synced + kept
    const zeros = this.#random.float() < 0.5 ? this.#random.int(kept + 1) : 0
    segment.bytes.fill(0, segment.length - zeros, segment.length)
    segment.synced = segment.length
  }

  #read(number: number, offset: number, length: number): Uint8Array {
    const segment = this.#segments.get(number)
    if (segment === undefined) return new Uint8Array(0)
    return segment.bytes.slice(offset, Math.min(segment.length, offset + length))
  }

  #append(number: number, parts: readonly Uint8Array[]): void {
    let segment = this.#segments.get(number)
    if (segment === undefined) {
      segment = { bytes: new Uint8Array(4096), length: 0, synced: 0 }
      this.#segments.set(number, segment)
    }
    const end = parts.reduce((sum, part) => sum + part.length, segment.length)
    if (end > segment.bytes.length) segment.bytes = grown(segment, end)
    for (const part of parts) {
      segment.bytes.set(part, segment.length)
      segment.length += part.length
    }
  }

  #truncate(number: number, length: number): void {
    const segment = this.#segments.get(number)
    if (segment === undefined) return
    segment.length = Math.min(segment.length, length)
    segment.synced = Math.min(segment.synced, segment.length)
  }

  #sync(alive: () => boolean, done: () => void): void {
    const covered = [...this.#segments.values()].map((segment) => ({ segment, length: segment.length }))
    this.#clock.after(this.#syncMs, () => {
      if (!alive()) return
      for (const { segment, length } of covered) {
        segment.synced = Math.max(segment.synced, Math.min(length, segment.length))
      }
      done()
    })
  }
}

function grown(segment: Segment, end: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(end, segment.bytes.length * 2))
  bytes.set(segment.bytes.subarray(0, segment.length))
  return bytes
}
