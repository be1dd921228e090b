import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { faultForms, parseFault } from './faults.ts'

const allOfTheRun = { startMs: 0, endMs: Number.POSITIVE_INFINITY }

describe('faults as they are written', () => {
  it('reads what happens to a process', () => {
    assert.deepEqual(parseFault('crash:3@5', 4), { kind: 'crash', validator: 3, atMs: 5000 })
    assert.deepEqual(parseFault('restart:0@1.5', 4), { kind: 'restart', validator: 0, atMs: 1500 })
    assert.deepEqual(parseFault('torn:1@0', 4), { kind: 'torn', validator: 1, atMs: 0 })
    assert.deepEqual(parseFault('wipe:2@10s', 4), { kind: 'wipe', validator: 2, atMs: 10_000 })
  })

  it('reads partitions and delays with their spans', () => {
    assert.deepEqual(parseFault('partition:0,1|2,3@5-10', 4), {
      kind: 'partition',
      groups: [
        [0, 1],
        [2, 3],
      ],
      span: { startMs: 5000, endMs: 10_000 },
    })
    assert.deepEqual(parseFault('delay:2+300@10-20', 4), {
      kind: 'delay',
      validator: 2,
      ms: 300,
      span: { startMs: 10_000, endMs: 20_000 },
    })
  })

  it('takes all of the run when the span is left out', () => {
    assert.deepEqual(parseFault('loss:0.1', 4), { kind: 'loss', probability: 0.1, span: allOfTheRun })
    assert.deepEqual(parseFault('delay:1+50', 4), { kind: 'delay', validator: 1, ms: 50, span: allOfTheRun })
    assert.deepEqual(parseFault('partition:0|1,2,3', 4).kind, 'partition')
  })

  it('reads authors that cheat and consumers that are slow', () => {
    assert.deepEqual(parseFault('equivocate:3', 4), { kind: 'equivocate', validator: 3, ms: 0 })
    assert.deepEqual(parseFault('late:3+250', 4), { kind: 'late', validator: 3, ms: 250 })
    assert.deepEqual(parseFault('clock:2-1500', 4), { kind: 'clock', validator: 2, ms: -1500 })
    assert.deepEqual(parseFault('clock:0+40ms', 4), { kind: 'clock', validator: 0, ms: 40 })
    assert.deepEqual(parseFault('slowConsumer:0+40ms', 4), { kind: 'slowConsumer', validator: 0, ms: 40 })
  })

  it('says what is wrong and how to write it', () => {
    const explained = (text: string): string => {
      try {
        parseFault(text, 4)
      } catch (thrown) {
        return (thrown as { explained: string }).explained
      }
      return 'accepted'
    }
    assert.match(explained('crsh:1@2'), /no fault called "crsh".*Faults are crash/s)
    assert.match(explained('Crash:1@2'), /Did you mean crash\?/)
    assert.match(explained('crash:4@2'), /validators are 0 to 3.*crash:V@T/s)
    assert.match(explained('crash:1'), /crash:V@T/)
    assert.match(explained('crash'), /crash:V@T/)
    assert.match(explained('loss:1.5'), /from 0 to 1/)
    assert.match(explained('loss:0.1@9-3'), /ends before it starts/)
    assert.match(explained('partition:0,1|1,2'), /two groups/)
    assert.match(explained('partition:0,|2'), /counted from 0/)
    assert.match(explained('equivocate:1@5'), /equivocate:V/)
    assert.match(explained('delay:1+50@now'), /T-T/)
    assert.match(explained('constructor:1'), /no fault called/)
  })

  it('either reads a text or refuses it with the form it wanted', () => {
    const words = fc.constantFrom(...Object.keys(faultForms), 'x', '')
    const tail = fc.stringMatching(/^[0-9+@|,.:\-a-z ]{0,12}$/)
    fc.assert(
      fc.property(words, tail, (word, rest) => {
        try {
          assert.equal(parseFault(`${word}:${rest}`, 7).kind, word)
        } catch (thrown) {
          assert.equal((thrown as { code?: string }).code, 'USAGE', String(thrown))
        }
      }),
    )
  })
})
