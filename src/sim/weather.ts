import type { Random } from '../core/random.ts'
import type { DelayFault, Fault, MessageFault, PartitionFault, Span } from './faults.ts'
import { isMessageFault } from './faults.ts'
import type { Latency } from './latency.ts'

/** What the network does to messages at a moment: pure questions about the latency matrix and the faults. */
export class Weather {
  readonly #latency: Latency
  readonly #partitions: readonly PartitionFault[]
  readonly #delays: readonly DelayFault[]
  readonly #chances: readonly MessageFault[]

  constructor(latency: Latency, faults: readonly Fault[]) {
    this.#latency = latency
    this.#partitions = faults.filter((fault) => fault.kind === 'partition')
    this.#delays = faults.filter((fault) => fault.kind === 'delay')
    this.#chances = faults.filter(isMessageFault)
  }

  /** How long a message sent now travels, jitter and delays included. */
  travelMs(from: number, to: number, nowMs: number, random: Random): number {
    const base = this.#latency.oneWayMs[from]![to]!
    let ms = this.#latency.jitter === 0 ? base : base * (1 + this.#latency.jitter * random.float())
    for (const delay of this.#delays) {
      if ((delay.validator === from || delay.validator === to) && during(delay.span, nowMs)) ms += delay.ms
    }
    return ms
  }

  /** Milliseconds one way on a quiet day. */
  oneWayMs(from: number, to: number): number {
    return this.#latency.oneWayMs[from]![to]!
  }

  /** Whether a partition stands between two validators. */
  parted(a: number, b: number, nowMs: number): boolean {
    return this.#partitions.some((fault) => during(fault.span, nowMs) && !together(fault.groups, a, b))
  }

  /** Throws the dice for one kind of mishap. Without such a fault at the moment no dice are thrown. */
  strikes(kind: MessageFault['kind'], nowMs: number, random: Random): boolean {
    let survives = 1
    for (const chance of this.#chances) {
      if (chance.kind === kind && during(chance.span, nowMs)) survives *= 1 - chance.probability
    }
    return survives < 1 && random.float() >= survives
  }
}

/** Whether a moment lies in a span. */
export function during(span: Span, nowMs: number): boolean {
  return nowMs >= span.startMs && nowMs < span.endMs
}

function together(groups: PartitionFault['groups'], a: number, b: number): boolean {
  return groups.some((group) => group.includes(a) && group.includes(b))
}
