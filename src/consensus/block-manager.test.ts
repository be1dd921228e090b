import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fakeCommittee } from '../../test/fake/committee.ts'
import { seededRandom } from '../core/random.ts'
import { decodeSignedBlock, sealBlock } from './block-codec.ts'
import { BlockManager, type BlockManagerLimits } from './block-manager.ts'
import { Dag, DagNode } from './dag.ts'
import { genesisBlocks } from './genesis.ts'
import type { BlockRef, SignedBlock } from './types.ts'

const { committee, sign } = fakeCommittee([1, 1, 1, 1])
const genesis = genesisBlocks(committee)

function block(round: number, author: number, ancestors: readonly BlockRef[], timestampMs = 0): SignedBlock {
  const rest = { ancestors, transactions: [], commitVotes: [], transactionVotes: [] }
  return sealBlock(committee, { epoch: 0, round, author, timestampMs, ...rest }, (root) => sign(author, root))
}

const refsOf = (blocks: readonly SignedBlock[]): BlockRef[] => blocks.map(({ ref }) => ref)

function managed(limits: BlockManagerLimits = { maxSuspendedPerAuthor: 500, maxSiblings: 8 }) {
  const dag = new Dag<SignedBlock>(4)
  for (const each of genesis) dag.add(new DagNode(each.ref, [], each))
  return { dag, manager: new BlockManager(dag, limits) }
}

/** Full rounds, `layers[0]` being genesis. */
function rounds(count: number): SignedBlock[][] {
  const layers = [[...genesis]]
  for (let round = 1; round <= count; round++) {
    const below = refsOf(layers[round - 1]!)
    layers.push(
      [0, 1, 2, 3].map((author) => block(round, author, [below[author]!, ...below.filter((_, at) => at !== author)])),
    )
  }
  return layers
}

const full = rounds(8)
const places = (nodes: readonly { ref: BlockRef }[]): string[] => nodes.map(({ ref }) => `${ref.round}.${ref.author}`)

describe('the block manager', () => {
  it('takes a block whose ancestors are there, once', () => {
    const { manager } = managed()
    assert.deepEqual(places(manager.receive(full[1]![0]!).accepted), ['1.0'])
    assert.deepEqual(manager.receive(full[1]![0]!), { accepted: [], missing: [] })
  })

  it('lets a block share the references of its ancestors', () => {
    const { dag, manager } = managed()
    for (const each of full[1]!) manager.receive(each)
    const read = decodeSignedBlock(full[2]![0]!.bytes, committee)
    const [node] = manager.receive(read).accepted
    read.block.ancestors.forEach((ref, at) => {
      assert.ok(ref === dag.find(ref)?.ref && ref === node!.parents[at]!.ref)
    })
  })

  it('suspends a block and names each missing ancestor once', () => {
    const { manager } = managed()
    manager.receive(full[1]![0]!)
    assert.deepEqual(places(manager.receive(full[2]![0]!).missing.map((ref) => ({ ref }))), ['1.1', '1.2', '1.3'])
    assert.deepEqual(manager.receive(full[2]![1]!).missing, [])
    assert.deepEqual([manager.suspendedBlocks, manager.missing().length], [2, 3])
    assert.equal(manager.missing(1).length, 1)
  })

  it('releases what waited, ancestors first, when the last ancestor comes', () => {
    const { manager } = managed()
    for (const each of [...full[3]!, ...full[2]!, ...full[1]!.slice(1)].reverse()) manager.receive(each)
    const { accepted } = manager.receive(full[1]![0]!)
    assert.deepEqual(places(accepted).length, 9)
    assert.deepEqual(
      accepted.map(({ round }) => round),
      [1, 2, 2, 2, 2, 3, 3, 3, 3],
    )
    assert.deepEqual([manager.suspendedBlocks, manager.missing().length], [0, 0])
  })

  it('does not miss a suspended ancestor', () => {
    const { manager } = managed()
    manager.receive(full[2]![0]!)
    manager.receive(full[3]![0]!)
    assert.ok(!places(manager.missing().map((ref) => ({ ref }))).includes('2.0'))
    assert.ok(manager.isMissing(full[2]![1]!.ref))
    assert.ok(!manager.isMissing(full[2]![0]!.ref))
  })

  it('releases blocks whose ancestors are collected, and drops those that are themselves', () => {
    const { dag, manager } = managed()
    for (const each of [...full[2]!.slice(0, 1), ...full[3]!, ...full[4]!]) manager.receive(each)
    dag.collect(2)
    const accepted = manager.collect()
    assert.deepEqual(places(accepted).sort(), ['3.0', '3.1', '3.2', '3.3', '4.0', '4.1', '4.2', '4.3'])
    assert.deepEqual([manager.suspendedBlocks, manager.missing().length], [0, 0])
    assert.deepEqual(manager.receive(full[2]![1]!), { accepted: [], missing: [] })
  })

  it('links only ancestors that are in memory', () => {
    const { dag, manager } = managed()
    dag.collect(2)
    const [node] = manager.receive(full[3]![0]!).accepted
    assert.deepEqual(node?.parents, [])
  })

  it('takes a few siblings of a slot, and further ones only when a block asks for them', () => {
    const { dag, manager } = managed({ maxSuspendedPerAuthor: 500, maxSiblings: 2 })
    const [own, ...others] = refsOf([...genesis])
    const siblings = [0, 1, 2].map((time) => block(1, 0, [own!, ...others], time))
    assert.deepEqual(
      siblings.map((each) => manager.receive(each).refused),
      [undefined, undefined, 'tooManySiblings'],
    )
    for (const each of full[1]!.slice(1)) manager.receive(each)
    const child = block(2, 1, [full[1]![1]!.ref, siblings[2]!.ref, full[1]![2]!.ref])
    assert.deepEqual(manager.receive(child).missing, [siblings[2]!.ref])
    assert.deepEqual(places(manager.receive(siblings[2]!).accepted), ['1.0', '2.1'])
    assert.equal(dag.siblingsAt(1, 0).length, 3)
    assert.deepEqual(places(manager.receive(block(1, 0, [own!, ...others], 9), true).accepted), ['1.0'])
  })

  it('takes siblings of an author in some slots only, not a few in every slot, until old rounds are collected', () => {
    const { dag, manager } = managed({ maxSuspendedPerAuthor: 500, maxSiblings: 2 })
    const layers = rounds(40)
    const twinAt = (round: number): SignedBlock => block(round, 0, refsOf(layers[round - 1]!), 1)
    const refused: number[] = []
    for (let round = 1; round <= 40; round++) {
      for (const each of layers[round]!) assert.equal(manager.receive(each).refused, undefined)
      if (manager.receive(twinAt(round)).refused === 'tooManySiblings') refused.push(round)
    }
    assert.deepEqual(refused, [33, 34, 35, 36, 37, 38, 39, 40])
    const [, first, ...others] = layers[40]!
    const child = block(41, 1, [first!.ref, twinAt(40).ref, ...refsOf(others)])
    assert.deepEqual(manager.receive(child).missing, [twinAt(40).ref])
    assert.deepEqual(places(manager.receive(twinAt(40)).accepted), ['40.0', '41.1'], 'another author asks for it')
    dag.collect(2)
    manager.collect()
    assert.equal(dag.siblingsOf(0), 31)
    assert.deepEqual(places(manager.receive(twinAt(33)).accepted), ['33.0'])
    assert.equal(manager.receive(twinAt(34)).refused, 'tooManySiblings')
  })

  it('keeps the lowest blocks of an author that fills its share', () => {
    const { manager } = managed({ maxSuspendedPerAuthor: 2, maxSiblings: 8 })
    assert.equal(manager.receive(full[4]![0]!).refused, undefined)
    assert.equal(manager.receive(full[5]![0]!).refused, undefined)
    assert.equal(manager.receive(full[6]![0]!).refused, 'tooManySuspended')
    assert.equal(manager.receive(full[3]![0]!).refused, undefined)
    assert.equal(manager.receive(full[6]![1]!).refused, undefined)
    assert.equal(manager.suspendedBlocks, 3)
    assert.equal(manager.receive(full[5]![0]!).refused, 'tooManySuspended')
  })

  it('keeps only some bytes of an author waiting, but always one block', () => {
    const bytes = full[4]![0]!.bytes.length
    const { manager } = managed({ maxSuspendedPerAuthor: 500, maxSiblings: 8, maxSuspendedBytesPerAuthor: 2 * bytes })
    for (const round of [8, 7, 6, 5]) assert.equal(manager.receive(full[round]![0]!).refused, undefined)
    assert.deepEqual([manager.suspendedBlocks, manager.suspendedBytes], [2, 2 * bytes])
    assert.deepEqual(
      [5, 6, 7, 8].map((round) => manager.isWaiting(full[round]![0]!.ref)),
      [true, true, false, false],
    )
    assert.equal(manager.receive(full[7]![0]!).refused, 'tooManySuspended')
    assert.equal(manager.receive(full[7]![1]!).refused, undefined)
    const { manager: small } = managed({ maxSuspendedPerAuthor: 500, maxSiblings: 8, maxSuspendedBytesPerAuthor: 1 })
    assert.equal(small.receive(full[4]![0]!).refused, undefined)
    assert.deepEqual([small.suspendedBlocks, small.suspendedBytes], [1, bytes])
  })

  it('counts no bytes when nothing waits any more', () => {
    const { manager } = managed()
    for (const each of full.slice(1).flat().reverse()) manager.receive(each)
    assert.deepEqual([manager.suspendedBlocks, manager.suspendedBytes], [0, 0])
  })

  it('counts siblings that wait, and takes one more only when a block of another author asks for it', () => {
    const { dag, manager } = managed({ maxSuspendedPerAuthor: 500, maxSiblings: 2 })
    const below = refsOf(full[1]!)
    const siblings = [1, 2, 3, 4].map((time) => block(2, 0, below, time))
    assert.deepEqual(
      siblings.slice(0, 3).map((each) => manager.receive(each).refused),
      [undefined, undefined, 'tooManySiblings'],
    )
    // The author's own block asks for the third: that proves nothing.
    const [, b2, c2, d2] = refsOf(full[2]!)
    const ownChild = block(3, 0, [siblings[2]!.ref, b2!, c2!, d2!])
    manager.receive(ownChild)
    assert.equal(manager.receive(siblings[2]!).refused, 'tooManySiblings')
    // Another's block asks for that one, so for both.
    manager.receive(block(4, 1, [full[3]![1]!.ref, ownChild.ref, full[3]![2]!.ref, full[3]![3]!.ref]))
    assert.equal(manager.receive(siblings[2]!).refused, undefined)
    for (const each of [...full[3]!.slice(1), ...full[2]!, ...full[1]!]) manager.receive(each)
    assert.equal(dag.siblingsAt(2, 0).length, 4, 'two, the third, and the one that the others linked')
    assert.equal(manager.receive(siblings[3]!).refused, 'tooManySiblings')
    assert.deepEqual(places([dag.firstAt(4, 1)!]), ['4.1'])
  })

  it('names the lowest missing ancestors first, and as many for every author whose blocks wait', () => {
    const { manager } = managed()
    const invented = (round: number, author: number, nth: number) => ({
      round,
      author,
      digest: `${nth}`.padStart(64, 'e'),
    })
    for (let nth = 0; nth < 20; nth++) {
      const ancestors = [invented(1, 3, nth), ...[0, 1, 2].map((author) => invented(1, author, nth))]
      manager.receive(block(2 + nth, 3, ancestors))
    }
    manager.receive(full[4]![0]!)
    const named = manager.missing(8)
    for (const { ref } of full[3]!) assert.ok(named.some(({ digest }) => digest === ref.digest))
    assert.equal(named.length, 8)
    assert.equal(manager.missing(1000).length, 84)
    assert.deepEqual(refsOf(full[3]!), manager.missing(1000).slice(-4))
  })

  it('is not misled by an honest digest under a false round', () => {
    const { manager } = managed()
    for (const each of full[1]!) manager.receive(each)
    const [a, b, c] = refsOf(full[1]!)
    const lie = { ...full[1]![3]!.ref, round: 2 }
    manager.receive(block(3, 0, [a!, b!, c!, lie]))
    assert.deepEqual(manager.missing(), [lie])
    assert.equal(manager.suspendedBlocks, 1)
  })

  it('accepts the same blocks in any order, parents first, and holds nothing back in the end', () => {
    const everything = full.slice(1).flat()
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(seed)
        const { dag, manager } = managed()
        const waiting = [...everything, ...everything.slice(0, 10)]
        const known = new Set(genesis.map(({ ref }) => ref.digest))
        while (waiting.length > 0) {
          const [next] = waiting.splice(random.int(waiting.length), 1)
          for (const { content } of manager.receive(next!).accepted) {
            assert.ok(content.block.ancestors.every(({ digest }) => known.has(digest)))
            known.add(content.ref.digest)
          }
        }
        assert.deepEqual([dag.blocks, manager.suspendedBlocks, manager.missing().length], [36, 0, 0])
      }),
      { numRuns: 50 },
    )
  })
})
