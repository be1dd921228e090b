import type { CommittedSubDag, SignedBlock } from '../consensus/types.ts'

/** Every so many transactions one is voted against by all honest validators. */
const rejectedOne = 8

/** How honest validators vote where the committee votes on transactions: all alike, by the first byte. */
export function votesAgainst({ block }: SignedBlock): readonly number[] {
  return [...block.transactions].flatMap((bytes, at) => (isBad(bytes) ? [at] : []))
}

/** What was rejected at each index, which must be the same for all, and nothing that honest validators voted for. */
export class Ballot {
  readonly #rejected = new Map<number, string>()

  /** Takes a delivered sub-DAG; tells what is wrong with what it rejects. */
  count({ commitRef, blocks, rejectedTransactions }: CommittedSubDag, isFirst: boolean): string | undefined {
    const text = rejectedTransactions.map(({ block, rejects }) => `${block.digest} ${rejects.join(' ')}`).join('\n')
    if (isFirst && text !== '') this.#rejected.set(commitRef.index, text)
    if ((this.#rejected.get(commitRef.index) ?? '') !== text) return `other transactions rejected at ${commitRef.index}`
    for (const { block, rejects } of rejectedTransactions) {
      const rejected = blocks.find(({ ref }) => ref.digest === block.digest)
      const bad = new Set(rejected === undefined ? [] : votesAgainst(rejected))
      if (rejects.some((at) => !bad.has(at))) return `a good transaction rejected at ${commitRef.index}`
    }
    return undefined
  }
}

function isBad(transaction: Uint8Array): boolean {
  return (transaction[0] ?? 0) % rejectedOne === 1
}
