import { SimulationUsageError } from './errors.ts'
import { type Fault, isCheat, isProcessFault, restartMs } from './faults.ts'

/** What a list of faults means for the verdict on a run. */
export interface Timeline {
  /** When the last fault that ends has ended; leaders must be committed after it. */
  readonly quietFromMs: number
  /** Validators that are at fault at the end of the run, or whose memory was wiped. */
  readonly faulty: ReadonlySet<number>
}

/**
 * Judges a list of faults for a run of `forMs` milliseconds. Faults that last to the end count as staying: cheats,
 * crashes without a later restart, slow consumers, and spans that are not over when the load ends.
 *
 * @throws SimulationUsageError when a fault would only begin after the run
 */
export function readTimeline(faults: readonly Fault[], forMs: number, validators: number): Timeline {
  for (const fault of faults) refuseLate(fault, forMs)
  const ends = faults.map((fault) => endOf(fault, forMs))
  return { quietFromMs: Math.max(0, ...ends), faulty: faultyAtTheEnd(faults, forMs, validators) }
}

function refuseLate(fault: Fault, forMs: number): void {
  const begin = isProcessFault(fault) ? fault.atMs : 'span' in fault ? fault.span.startMs : 0
  if (begin <= forMs) return
  throw new SimulationUsageError(
    `A ${fault.kind} at ${begin / 1000} s comes after the end of the run at ${forMs / 1000} s.`,
    'Give a longer --for, or an earlier time.',
  )
}

function endOf(fault: Fault, forMs: number): number {
  if (isProcessFault(fault)) return fault.kind === 'crash' ? fault.atMs : fault.atMs + restartMs
  return 'span' in fault && fault.span.endMs <= forMs ? fault.span.endMs : 0
}

function faultyAtTheEnd(faults: readonly Fault[], forMs: number, validators: number): Set<number> {
  const faulty = new Set<number>()
  const inOrder = faults.filter(isProcessFault).toSorted((a, b) => a.atMs - b.atMs)
  for (const { kind, validator } of inOrder) {
    if (kind === 'crash') faulty.add(validator)
    else faulty.delete(validator)
  }
  for (const fault of faults) {
    if (fault.kind === 'wipe' || fault.kind === 'slowConsumer' || isCheat(fault)) faulty.add(fault.validator)
    if (fault.kind === 'delay' && fault.span.endMs > forMs) faulty.add(fault.validator)
    if (fault.kind === 'partition' && fault.span.endMs > forMs) {
      for (const validator of cutOff(fault.groups, validators)) faulty.add(validator)
    }
  }
  return faulty
}

function cutOff(groups: readonly (readonly number[])[], validators: number): number[] {
  const largest = groups.reduce((best, group) => (group.length > best.length ? group : best), [] as readonly number[])
  return Array.from({ length: validators }, (_, validator) => validator).filter((one) => !largest.includes(one))
}
