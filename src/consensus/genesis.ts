import { sealBlock } from './block-codec.ts'
import type { Committee } from './committee.ts'
import type { SignedBlock } from './types.ts'

const made = new WeakMap<Committee, readonly SignedBlock[]>()
const unsigned = new Uint8Array(64)

function make(committee: Committee): readonly SignedBlock[] {
  return committee.authorities.map((_, author) => {
    const empty = { ancestors: [], transactions: [], commitVotes: [], transactionVotes: [] }
    return sealBlock(committee, { epoch: committee.epoch, round: 0, author, timestampMs: 0, ...empty }, () => unsigned)
  })
}

/** Round 0: one block per authority, empty, at time 0, with a signature of zeros. The same at every validator. */
export function genesisBlocks(committee: Committee): readonly SignedBlock[] {
  const known = made.get(committee)
  if (known !== undefined) return known
  const blocks = make(committee)
  made.set(committee, blocks)
  return blocks
}
