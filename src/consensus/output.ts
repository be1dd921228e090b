import type { ConsensusEffect, LogRecord } from './types.ts'

/** Gathers what one step wants done. Records go first: whatever is sent or delivered is on disk before. */
export class StepOutput {
  readonly #records: LogRecord[] = []
  readonly #effects: ConsensusEffect[] = []

  record(record: LogRecord): void {
    this.#records.push(record)
  }

  effect(effect: ConsensusEffect): void {
    this.#effects.push(effect)
  }

  effects(): ConsensusEffect[] {
    if (this.#records.length === 0) return this.#effects
    return [{ type: 'persist', records: this.#records }, ...this.#effects]
  }
}
