import type { Clock, Timer } from './clock.ts'

interface VirtualTimer extends Timer {
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

/**
 * A clock that stands still until told to move. Timers fire in order of their due time, ties in order of creation, so
 * that one seed gives one run.
 *
 * @example
 * const clock = new VirtualClock()
 * clock.after(50, () => console.log(clock.now()))
 * clock.advance(100) // prints 50
 */
export class VirtualClock implements Clock {
  #now = 0
  #order = 0
  readonly #epoch: number
  // A binary heap: the simulator keeps tens of thousands of timers, where a sorted array would dominate the run.
  readonly #heap: VirtualTimer[] = []

  constructor(epochMs = 1_700_000_000_000) {
    this.#epoch = epochMs
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#epoch + Math.floor(this.#now)
  }

  after(ms: number, run: () => void): Timer {
    const timer: VirtualTimer = { due: this.#now + Math.max(0, ms), order: this.#order++, run, cancelled: false }
    this.#push(timer)
    return timer
  }

  clear(timer: Timer | undefined): void {
    if (timer !== undefined) (timer as VirtualTimer).cancelled = true
  }

  /** The due time of the next timer, or undefined when nothing waits. */
  get nextDue(): number | undefined {
    this.#dropCancelled()
    return this.#heap[0]?.due
  }

  /** Fires the next timer and moves to its due time; false when nothing waits. */
  step(): boolean {
    this.#dropCancelled()
    const timer = this.#pop()
    if (timer === undefined) return false
    this.#now = timer.due
    timer.run()
    return true
  }

  /** Moves forward by `ms`, firing everything that falls due on the way. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let due = this.nextDue; due !== undefined && due <= end; due = this.nextDue) this.step()
    this.#now = end
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.cancelled) this.#pop()
  }

  #push(timer: VirtualTimer): void {
    const heap = this.#heap
    let at = heap.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(timer, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = timer
  }

  #pop(): VirtualTimer | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || top === last) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return top
  }
}

function before(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order)
}
