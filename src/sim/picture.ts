import type { CommittedSubDag } from '../consensus/types.ts'

/** Runs with more rounds or validators than this have no picture. */
const mostRounds = 96
const mostValidators = 16
const roundsPerLine = 48

/**
 * Draws the DAG of a small run in text: a row for each validator, a column for each round.
 *
 * @example
 * // 0  o ◆ o o
 * // 1  o o ◆ o
 */
export class Picture {
  readonly #validators: number
  readonly #cells = new Map<string, string>()
  #lastRound = 0
  #lastLeaderRound = 0

  constructor(validators: number) {
    this.#validators = validators
  }

  /** Marks the blocks that one commit orders. */
  add(subDag: CommittedSubDag): void {
    if (this.#lastLeaderRound > mostRounds) return
    this.#lastLeaderRound = Math.max(this.#lastLeaderRound, subDag.leader.round)
    for (const { ref } of subDag.blocks) {
      const leads = ref.digest === subDag.leader.digest
      const key = `${ref.round}/${ref.author}`
      this.#cells.set(key, leads ? '◆' : this.#cells.has(key) ? '2' : 'o')
      this.#lastRound = Math.max(this.#lastRound, ref.round)
    }
  }

  /** The picture, or undefined when the run was too large for one. */
  render(): string | undefined {
    if (this.#lastLeaderRound > mostRounds || this.#validators > mostValidators) return undefined
    if (this.#lastRound === 0) return undefined
    const parts: string[] = []
    for (let from = 1; from <= this.#lastRound; from += roundsPerLine) {
      parts.push(this.#rows(from, Math.min(this.#lastRound, from + roundsPerLine - 1)))
    }
    return `${parts.join('\n\n')}\n\n◆ committed leader, o ordered block, 2 ordered siblings, · no block or not ordered`
  }

  #rows(from: number, to: number): string {
    const lines = [`${'round'.padEnd(6)}${ruler(from, to)}`]
    for (let author = 0; author < this.#validators; author++) {
      let line = `${author}`.padStart(5).padEnd(6)
      for (let round = from; round <= to; round++) line += ` ${this.#cells.get(`${round}/${author}`) ?? '·'}`
      lines.push(line)
    }
    return lines.join('\n')
  }
}

function ruler(from: number, to: number): string {
  let line = ''
  for (let round = from; round <= to; round++) {
    const due = round === from || round % 5 === 0
    const width = 2 * (round - from) + 2
    if (due && line.length <= width - 1) line = line.padEnd(width - 1) + round
  }
  return line
}
