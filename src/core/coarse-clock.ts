import type { Clock, Timer } from './clock.ts'

/**
 * A clock whose timers fire up to one tick late and cost next to nothing to set and to clear: for the many timers that
 * almost never fire, such as the deadline of every call. One timer of the fine clock runs while any is set.
 *
 * @param tickMs distance of ticks, in milliseconds
 * @example const deadlines = coarseClock(realClock, 5)
 */
export function coarseClock(fine: Clock, tickMs: number): Clock {
  const wheel = new Wheel(fine, tickMs)
  return {
    now: () => fine.now(),
    wall: () => fine.wall(),
    after: (ms, run) => wheel.add(ms, run),
    clear: (timer) => {
      if (timer !== undefined) wheel.remove(timer as WheelTimer)
    },
  }
}

/** Ring of lists, one per tick. Timers beyond one turn stay in their list and are passed over until they are due. */
const slots = 1024

class WheelTimer implements Timer {
  readonly due: number
  run: (() => void) | undefined
  slot = 0
  before: WheelTimer | undefined
  after: WheelTimer | undefined

  constructor(due: number, run: () => void) {
    this.due = due
    this.run = run
  }
}

class Wheel {
  readonly #fine: Clock
  readonly #tickMs: number
  readonly #heads: (WheelTimer | undefined)[] = new Array(slots).fill(undefined)
  #count = 0
  #ticking = false
  /** The last tick whose timers have fired. */
  #tick = 0

  constructor(fine: Clock, tickMs: number) {
    this.#fine = fine
    this.#tickMs = tickMs
  }

  add(ms: number, run: () => void): WheelTimer {
    const now = this.#fine.now()
    if (!this.#ticking) this.#start(now)
    const timer = new WheelTimer(now + ms, run)
    // Never into the tick that is being worked off.
    const tick = Math.max(this.#tick + 1, Math.ceil(timer.due / this.#tickMs))
    timer.slot = tick % slots
    const head = this.#heads[timer.slot]
    timer.after = head
    if (head !== undefined) head.before = timer
    this.#heads[timer.slot] = timer
    this.#count++
    return timer
  }

  remove(timer: WheelTimer): void {
    if (timer.run === undefined) return
    timer.run = undefined
    this.#count--
    if (timer.after !== undefined) timer.after.before = timer.before
    if (timer.before === undefined) this.#heads[timer.slot] = timer.after
    else timer.before.after = timer.after
    // A dead timer that was promoted to the old generation would keep its neighbours alive until the next full collection.
    timer.before = undefined
    timer.after = undefined
  }

  #start(now: number): void {
    this.#ticking = true
    this.#tick = Math.floor(now / this.#tickMs)
    this.#arm()
  }

  #arm(): void {
    const wait = (this.#tick + 1) * this.#tickMs - this.#fine.now()
    this.#fine.after(Math.max(1, Math.ceil(wait)), () => this.#advance())
  }

  #advance(): void {
    const now = this.#fine.now()
    const last = Math.floor(now / this.#tickMs)
    // After a long sleep one turn visits every list.
    if (last - this.#tick > slots) this.#tick = last - slots
    while (this.#tick < last) {
      this.#tick++
      this.#fire(this.#tick % slots, now)
    }
    if (this.#count > 0) this.#arm()
    else this.#ticking = false
  }

  #fire(slot: number, now: number): void {
    let due: WheelTimer[] | undefined
    for (let timer = this.#heads[slot]; timer !== undefined; timer = timer.after) {
      if (timer.due <= now) due = pushed(due, timer)
    }
    // A timer may clear others that are due in the same tick: those must not fire any more.
    if (due !== undefined) for (const timer of due.reverse()) this.#fireOne(timer)
  }

  #fireOne(timer: WheelTimer): void {
    const { run } = timer
    if (run === undefined) return
    this.remove(timer)
    run()
  }
}

function pushed(list: WheelTimer[] | undefined, timer: WheelTimer): WheelTimer[] {
  if (list === undefined) return [timer]
  list.push(timer)
  return list
}
