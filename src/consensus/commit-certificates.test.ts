import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeCommittee } from '../../test/fake/committee.ts'
import { CommitCertificates } from './commit-certificates.ts'
import { beforeFirstCommit } from './commit-codec.ts'
import type { CommitRef, SignedBlock } from './types.ts'

const { committee } = fakeCommittee([1, 1, 1, 1])

const refOf = (index: number): CommitRef => ({ index, digest: index.toString(16).padStart(64, '0') })
const votes = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => refOf(from + at))

function voter(author: number, commitVotes: readonly CommitRef[]): Pick<SignedBlock, 'ref' | 'block'> {
  return { ref: { author }, block: { commitVotes } } as unknown as SignedBlock
}

function withCommits(count: number): CommitCertificates {
  const certificates = new CommitCertificates(committee, beforeFirstCommit)
  for (let index = 1; index <= count; index++) certificates.add(refOf(index), index)
  return certificates
}

describe('commit certificates', () => {
  it('come of the newest votes, however many commits a quorum has not voted for before', () => {
    const certificates = withCommits(5_000)
    for (const author of [0, 1]) certificates.observe(voter(author, votes(1, 5_000)))
    assert.equal(certificates.head.ref.index, 0)
    certificates.observe(voter(2, votes(4_500, 5_000)))
    assert.equal(certificates.head.ref.index, 5_000)
  })

  it('need votes of a quorum for one digest, whatever one member votes for and how often', () => {
    const certificates = withCommits(3)
    const other = { index: 2, digest: 'ee'.repeat(32) }
    for (const author of [0, 1]) certificates.observe(voter(author, [refOf(2)]))
    certificates.observe(voter(3, [other, { ...other, index: 3_000_000_000 }, ...votes(10, 3_000)]))
    certificates.observe(voter(0, [refOf(2), refOf(2)]))
    assert.equal(certificates.head.ref.index, 0)
    certificates.observe(voter(2, [refOf(2)]))
    assert.equal(certificates.head.ref.index, 2)
  })
})
