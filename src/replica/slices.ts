import type { Clock } from '../core/clock.ts'

/** Bytes of a peer are read in pieces of this size; between two of them the thread is free. */
const sliceItems = 32
const sliceBytes = 1024 * 1024

/**
 * Goes through the items of an answer, the first piece at once. `take` tells whether to go on; `done` comes after the
 * last item, or the first that was not taken.
 */
export function inSlices(
  clock: Clock,
  items: readonly Uint8Array[],
  take: (item: Uint8Array) => boolean,
  done: () => void,
  from = 0,
): void {
  const end = Math.min(items.length, from + sliceItems)
  let next = from
  for (let bytes = 0; next < end && bytes < sliceBytes; next++) {
    const item = items[next]!
    bytes += item.length
    if (take(item)) continue
    done()
    return
  }
  if (next >= items.length) done()
  else clock.after(0, () => inSlices(clock, items, take, done, next))
}
