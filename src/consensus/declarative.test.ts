import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDag } from '../../test/fake/dag-notation.ts'
import { GrowingDag, type TextDecision } from './text-dag.ts'

/** Four authorities of one stake; one leader every third round: D3, C6, B9 … */
const rule = {
  stakes: [1, 1, 1, 1],
  waveLength: 3,
  leadersPerRound: 1,
  pipelined: false,
  directCommitQuorum: 3,
  directSkipQuorum: 3,
  certificateQuorum: 3,
  anchorLink: 1,
  leader: (round: number) => round % 4,
}

/** The rounds after three full ones. */
function grow(rounds: string): GrowingDag {
  const { blocks } = readDag(
    `DAG { Round 0 : { 4 }, Round 1 : { * }, Round 2 : { * }, Round 3 : { * }, ${rounds.trim()} }`,
  )
  const growing = new GrowingDag(4, rule)
  for (const [name, parents] of blocks) growing.add(name, parents)
  return growing
}

/** The blocks of further rounds on top of a DAG, in the same notation. */
const decisionsOf = (rounds: string): readonly TextDecision[] => grow(rounds).decisions()

const voted = 'Round 4 : { A -> [D3], B -> [D3], C -> [D3], D -> [] },'
const halfVoted = 'Round 4 : { A -> [], B -> [], C -> [*], D -> [*] }, Round 5 : { * }'

describe('a leader', () => {
  it('V1: is committed by its own wave when a quorum certifies it', () => {
    const rounds = `${voted} Round 5 : { A -> [A4, B4, C4], B -> [A4, B4, C4], C -> [A4, B4, C4], D -> [] }`
    assert.deepEqual(decisionsOf(rounds), [['commit', 'direct', 'D3']])
  })

  it('V2: is skipped by its own wave when a quorum does not vote for it', () => {
    const rounds = 'Round 4 : { A -> [D3], B -> [], C -> [], D -> [] }, Round 5 : { * }'
    assert.deepEqual(decisionsOf(rounds), [['skip', 'direct', 'D3']])
  })

  it('V3: stays undecided when neither votes nor blames are a quorum', () => {
    const rounds = 'Round 4 : { A -> [D3], B -> [D3], C -> [], D -> [] }, Round 5 : { * }'
    assert.deepEqual(decisionsOf(rounds), [])
  })

  it('V4: is committed by a later leader that reaches one certificate', () => {
    const certified = `${voted} Round 5 : { A -> [A4, B4, C4], B -> [], C -> [], D -> [] }`
    assert.deepEqual(decisionsOf(certified), [])
    const anchored = `${certified}, Round 6 : { A -> [], B -> [], C -> [A5], D -> [] },
      Round 7 : { A -> [C6], B -> [C6], C -> [], D -> [C6] },
      Round 8 : { A -> [A7, B7, D7], B -> [A7, B7, D7], C -> [], D -> [A7, B7, D7] }`
    assert.deepEqual(decisionsOf(anchored), [
      ['commit', 'indirect', 'D3'],
      ['commit', 'direct', 'C6'],
    ])
  })

  it('V5: is skipped by a later leader that reaches no certificate', () => {
    const blamed = `Round 4 : { * }, Round 5 : { * }, Round 6 : { * },
      Round 7 : { A -> [*], B -> [*], C -> [-C6], D -> [-C6] }, Round 8 : { * }`
    assert.deepEqual(decisionsOf(blamed), [['commit', 'direct', 'D3']])
    const anchored = `${blamed}, Round 9 : { * }, Round 10 : { * }, Round 11 : { * }`
    assert.deepEqual(decisionsOf(anchored), [
      ['commit', 'direct', 'D3'],
      ['skip', 'indirect', 'C6'],
      ['commit', 'direct', 'B9'],
    ])
  })

  it('V6: is committed when a sibling brings the missing vote', () => {
    const growing = grow(halfVoted)
    assert.deepEqual(growing.decisions(), [])
    growing.add("B4'", ['A3', 'B3', 'C3', 'D3'])
    for (const name of ["B5'", "C5'", "D5'"]) growing.add(name, ['A4', "B4'", 'C4', 'D4'])
    assert.deepEqual(growing.decisions(), [['commit', 'direct', 'D3']])
  })

  it('V7: is skipped when a sibling brings the missing blame', () => {
    const growing = grow(halfVoted)
    growing.add("C4'", [])
    for (const name of ["B5'", "C5'", "D5'"]) growing.add(name, ['A4', 'B4', "C4'", 'D4'])
    assert.deepEqual(growing.decisions(), [['skip', 'direct', 'D3']])
  })
})
