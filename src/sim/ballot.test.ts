import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CommittedSubDag } from '../consensus/types.ts'
import { Ballot, votesAgainst } from './ballot.ts'

const ref = { round: 5, author: 2, digest: 'ab'.repeat(32) }
const block = { ref, block: { transactions: [[0], [1], [9], [10]].map((bytes) => Uint8Array.from(bytes)) } }
const subDag = (index: number, rejects: readonly number[]) =>
  ({
    commitRef: { index, digest: '' },
    blocks: [block],
    rejectedTransactions: rejects.length === 0 ? [] : [{ block: ref, rejects }],
  }) as unknown as CommittedSubDag

describe('votes on transactions in the simulator', () => {
  it('go against one in eight', () => {
    assert.deepEqual(votesAgainst(block as never), [1, 2])
  })

  it('must reject the same for all', () => {
    const ballot = new Ballot()
    assert.equal(ballot.count(subDag(1, [1, 2]), true), undefined)
    assert.equal(ballot.count(subDag(2, []), true), undefined)
    assert.equal(ballot.count(subDag(1, [1, 2]), false), undefined)
    assert.match(ballot.count(subDag(1, [1]), false) ?? '', /other transactions rejected at 1/)
    assert.match(ballot.count(subDag(2, [1]), false) ?? '', /other transactions rejected at 2/)
  })

  it('must reject nothing that honest validators voted for', () => {
    assert.match(new Ballot().count(subDag(3, [0]), true) ?? '', /a good transaction rejected at 3/)
  })
})
