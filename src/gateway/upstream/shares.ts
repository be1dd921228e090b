import type { Attempt, UpstreamState } from './state.ts'

/** Attempts that may wait for their answers at one upstream: it has as many connections. */
const places = 256
/** What a client may have for each place that is free: alone it gets three of four, two get three of seven each. */
const greed = 3
/** Below this there is a place for everybody. */
const crowded = (places * greed) / (greed + 1)

/**
 * Whether a client may have one more attempt at an upstream. However many of them ask for more than they get, there
 * are places left for the next one. What nobody waits for any more makes room.
 */
export function hasPlace(upstream: UpstreamState, client: string | undefined): boolean {
  const { inFlight } = upstream
  if (inFlight.size < crowded) return true
  const taken = [...inFlight].filter(needsPlace)
  const own = taken.filter(({ call }) => call.client === client)
  if (own.length < greed * (places - taken.length)) return true
  const unwanted = own.find(({ abandoned }) => abandoned)
  unwanted?.abort()
  return unwanted !== undefined
}

/**
 * Whether a client may have one more of the few attempts that an upstream's own limit allows: as many for each that is left
 * as it may have places for each that is free.
 */
export function hasShare({ inFlight }: UpstreamState, client: string | undefined, most: number): boolean {
  const left = most - inFlight.size
  if (left <= 0) return false
  if (inFlight.size < (most * greed) / (greed + 1)) return true
  let own = 0
  for (const { call } of inFlight) if (call.client === client) own++
  return own < greed * left
}

/** What may be silent for ever has a connection beside the others. */
function needsPlace({ call }: Attempt): boolean {
  return call.patienceMs !== Number.POSITIVE_INFINITY
}
