import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeSignedBlock, sealBlock } from '../consensus/block-codec.ts'
import { createCommittee } from '../consensus/committee.ts'
import { genesisBlocks } from '../consensus/genesis.ts'
import { defaultParameters } from '../consensus/parameters.ts'
import type { SignedBlock } from '../consensus/types.ts'
import { verifyBlock } from '../consensus/verify-block.ts'
import { seededRandom } from '../core/random.ts'
import { Forger } from './forger.ts'
import { createSignatures } from './signatures.ts'

const size = 7
const signatures = createSignatures('ed25519', 5, size)
const committee = createCommittee(
  0,
  Array.from({ length: size }, (_, at) => {
    const key = signatures.publicKey(at)
    return { name: `${at}`, stake: 1, protocolKey: key, networkKey: key, address: '' }
  }),
)
const sign = (root: Uint8Array): Uint8Array => signatures.sign(3, root)
const parents = [3, 0, 1, 2, 4, 5, 6].map((author) => genesisBlocks(committee)[author]!.ref)
const honest = sealBlock(
  committee,
  {
    epoch: 0,
    round: 1,
    author: 3,
    timestampMs: 7,
    ancestors: parents,
    transactions: [],
    commitVotes: [],
    transactionVotes: [],
  },
  sign,
)

const verdictOf = (block: SignedBlock) => verifyBlock(committee, defaultParameters, block)
const signedWell = (block: SignedBlock): boolean => {
  let answer = false
  signatures.verifier.verify([block], ([valid]) => {
    answer = valid === true
  })
  return answer
}
const many = <T>(make: (forger: Forger) => T): T[] =>
  Array.from({ length: 60 }, (_, seed) => make(new Forger(committee, sign, seededRandom(seed))))

describe('the forger', () => {
  it('makes siblings that pass every check', () => {
    for (const twin of many((forger) => forger.sibling(honest.block))) {
      assert.deepEqual([twin.ref.round, twin.ref.author], [1, 3])
      assert.notEqual(twin.ref.digest, honest.ref.digest)
      assert.equal(verdictOf(twin), undefined)
      assert.ok(signedWell(twin))
    }
  })

  it('breaks signatures and nothing else', () => {
    assert.ok(signedWell(honest))
    for (const block of many((forger) => forger.badSignature(honest))) {
      assert.equal(verdictOf(block), undefined)
      assert.equal(signedWell(block), false)
    }
  })

  it('signs blocks whose ancestors break the rules in many ways', () => {
    const verdicts = many((forger) => forger.badAncestors(honest.block)).map((block) => {
      assert.ok(signedWell(block))
      return verdictOf(block)
    })
    const kinds = new Set(verdicts)
    for (const kind of ['noAncestors', 'ownAncestorNotFirst', 'ancestorNotOlder', 'ancestorRepeated'] as const) {
      assert.ok(kinds.has(kind), `${kind} is missing in ${[...kinds].join(' ')}`)
    }
  })

  it('makes garbage of many kinds', () => {
    const frames = many((forger) => forger.garbage(honest.bytes))
    const unreadable = frames.filter((frame) => {
      try {
        decodeSignedBlock(frame, committee)
        return false
      } catch {
        return true
      }
    })
    assert.ok(unreadable.length > 40)
    assert.ok(new Set(frames.map(({ length }) => length)).size > 5)
  })
})
