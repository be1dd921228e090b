import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { decide } from './consensus-decide.ts'

const vectors = gunzipSync(readFileSync(new URL('../../test/vectors/mysticeti/dags.jsonl.gz', import.meta.url)))
  .toString('utf8')
  .trim()

const rule = {
  stakes: [1, 1, 1, 1],
  waveLength: 3,
  leadersPerRound: 1,
  pipelined: true,
  directCommitQuorum: 3,
  directSkipQuorum: 3,
  certificateQuorum: 3,
  anchorLink: 1,
}

async function answers(input: AsyncIterable<string> | string): Promise<string> {
  let text = ''
  await decide(input, (part) => {
    text += part
  })
  return text
}

function refusal(line: unknown): Promise<string> {
  const text = typeof line === 'string' ? line : JSON.stringify(line)
  return answers(`\n${text}\n`).then(
    () => 'nothing was refused',
    (thrown: Error) => thrown.message,
  )
}

describe('drawbridge consensus decide', () => {
  it('answers every line with its seed and the decisions of the reference', async () => {
    const expected = vectors.split('\n').map((line) => {
      const { seed, decisions } = JSON.parse(line) as { seed: number; decisions: unknown }
      return { seed, decisions }
    })
    const got = (await answers(vectors)).trim().split('\n')
    assert.deepEqual(
      got.map((line) => JSON.parse(line)),
      expected,
    )
  })

  it('reads lines that arrive in pieces, and passes over empty ones', async () => {
    async function* pieces(): AsyncGenerator<string> {
      const text = `${JSON.stringify({ seed: 7, ...rule, blocks: [] })}\n\n`
      for (const character of text) yield character
    }
    assert.equal(await answers(pieces()), '{"seed":7,"decisions":[]}\n')
  })

  it('names the line and the fault', async () => {
    assert.match(await refusal('{'), /^Line 2: It is not JSON/)
    assert.match(await refusal({ ...rule }), /^Line 2: blocks: /)
    assert.match(await refusal({ ...rule, stakes: [], blocks: [] }), /^Line 2: stakes: /)
    assert.match(await refusal({ ...rule, leadersPerRound: 5, blocks: [] }), /^Line 2: leadersPerRound: /)
    assert.match(await refusal({ ...rule, blocks: [['A1', ['A0', 'nonsense']]] }), /parent nonsense/)
    assert.match(await refusal({ ...rule, blocks: [['x', []]] }), /"x" is not the name of a block/)
    assert.match(await refusal({ ...rule, blocks: [['E1', ['A0']]] }), /by nobody/)
    assert.match(await refusal({ ...rule, blocks: [['A1', ['B2']]] }), /before its parent/)
    assert.match(await refusal({ ...rule, blocks: [['A0', []]] }), /two blocks A0/)
    assert.match(
      await refusal({
        ...rule,
        blocks: [
          ['A1', []],
          ['B1', ['A1']],
        ],
      }),
      /not above its parent/,
    )
    assert.match(await refusal({ ...rule, blocks: [['A999999999', []]] }), /too far above/)
  })
})
