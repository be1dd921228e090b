import assert from 'node:assert/strict'
import { pause, until } from '../../fake/until.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { Load, type Sample } from './load.ts'

/** A fault of the preferred upstream, under load. */
export interface FaultRun {
  readonly name: string
  readonly gateway: GatewayProcess
  readonly samples: readonly Sample[]
  readonly perSecond: number
  readonly fault: () => unknown
  /** How long the fault lasts once traffic has moved. */
  readonly holdMs: number
  readonly repair: () => unknown
  /** Longest time until traffic has moved, and until it has returned. */
  readonly deadlineMs: number
}

/**
 * Calls at a steady rate while the preferred upstream fails and returns: traffic has to move away and come back, and
 * no call may fail. Prints what it measured.
 */
export async function noCallFails(run: FaultRun): Promise<void> {
  const load = new Load(run.gateway.url, run.perSecond, run.samples)
  let repaired = false
  const repair = async (): Promise<void> => {
    if (!repaired) await run.repair()
    repaired = true
  }
  try {
    const times = await breakAndRepair(run, load, repair)
    print(run.name, await load.stop(), times)
  } finally {
    await repair()
    const summary = await load.stop()
    assert.deepEqual(summary.problems, [], `${run.name}: ${summary.failed} of ${summary.calls} calls failed`)
  }
}

async function breakAndRepair(run: FaultRun, load: Load, repair: () => Promise<void>): Promise<object> {
  const options = { deadlineMs: run.deadlineMs, describe: () => ({ run: run.name, newest: load.outcomes.slice(-5) }) }
  // Not whoever answered last: that may have been a hedge.
  const preferred = (await run.gateway.network('el')).upstreams[0]!.name
  await until(() => load.settledOn(preferred), options)
  const broke = performance.now()
  await run.fault()
  await until(() => movedFrom(load, preferred), options)
  const moveMs = performance.now() - broke
  await pause(run.holdMs)
  await repair()
  const mended = performance.now()
  await until(() => load.settledOn(preferred), options)
  return { moveMs, returnMs: performance.now() - mended }
}

function movedFrom(load: Load, preferred: string): boolean {
  const newest = load.outcomes.slice(-50)
  return newest.every(({ upstream }) => upstream !== preferred)
}

function print(
  name: string,
  summary: { calls: number; failed: number; slowestMs: number; p99Ms: number },
  times: object,
): void {
  const { calls, failed, slowestMs, p99Ms } = summary
  const rounded = Object.entries(times).map(([key, ms]) => `${key} ${Math.round(ms as number)}`)
  console.log(
    `    ${name}: calls ${calls}, failed ${failed}, slowestMs ${slowestMs}, p99Ms ${p99Ms}, ${rounded.join(', ')}`,
  )
}
