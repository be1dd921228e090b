import { type Clock, sleep } from '../core/clock.ts'
import type { Call } from '../rpc/call.ts'
import type { NetworkState } from './upstream/state.ts'

const lookEveryMs = 20

/** Resolves when the calls that run now are answered, or after `limitMs`; calls that come later are not waited for. */
export async function runningCallsEnded(
  networks: readonly NetworkState[],
  clock: Clock,
  limitMs: number,
): Promise<void> {
  const giveUpAt = clock.now() + limitMs
  let calls = [...callsOf(networks)]
  while (calls.length > 0 && clock.now() < giveUpAt) {
    await sleep(clock, lookEveryMs)
    calls = calls.filter(({ trail }) => !trail.settled && trail.running.length > 0)
  }
}

function callsOf(networks: readonly NetworkState[]): Set<Call> {
  const attempts = networks.flatMap(({ upstreams }) => upstreams.flatMap(({ inFlight }) => [...inFlight]))
  return new Set(attempts.filter(({ abandoned }) => !abandoned).map(({ call }) => call))
}

/** Resolves when `done` does, or after `limitMs`. */
export function atMost(limitMs: number, done: Promise<void>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(limitMs, resolve)
    void done.then(() => {
      clock.clear(timer)
      resolve()
    })
  })
}
