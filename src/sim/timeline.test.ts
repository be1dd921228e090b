import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseFault } from './faults.ts'
import { readTimeline } from './timeline.ts'

const read = (words: string[], seconds = 60, validators = 4) => {
  const faults = words.map((word) => parseFault(word, validators))
  const { quietFromMs, faulty } = readTimeline(faults, seconds * 1000, validators)
  return { quietFromMs, faulty: [...faulty].toSorted() }
}

describe('what faults mean for the verdict', () => {
  it('waits for the last fault that ends, a restart included', () => {
    assert.deepEqual(read([]), { quietFromMs: 0, faulty: [] })
    assert.deepEqual(read(['loss:0.1@5-10', 'partition:0,1|2,3@3-8']), { quietFromMs: 10_000, faulty: [] })
    assert.deepEqual(read(['restart:1@20', 'torn:2@59.5']), { quietFromMs: 61_500, faulty: [] })
  })

  it('counts as faulty who stays down, cheats, lags or lost its memory', () => {
    const words = ['crash:0@5', 'equivocate:1', 'wipe:2@9', 'slowConsumer:3+5']
    assert.deepEqual(read(words).faulty, [0, 1, 2, 3])
    assert.deepEqual(read(['crash:0@5', 'restart:0@9']).faulty, [])
    assert.deepEqual(read(['restart:0@5', 'crash:0@9']).faulty, [0])
    assert.deepEqual(read(['delay:1+50', 'delay:2+50@1-2']).faulty, [1])
  })

  it('lays a partition that never heals on the smaller side', () => {
    assert.deepEqual(read(['partition:0,1,2|3']), { quietFromMs: 0, faulty: [3] })
    assert.deepEqual(read(['partition:0,1|2,3@10-90']), { quietFromMs: 0, faulty: [2, 3] })
    assert.deepEqual(read(['partition:0,1,2']).faulty, [3])
  })

  it('refuses a fault that would come after the end', () => {
    assert.throws(() => read(['crash:0@61']), { code: 'USAGE' })
    assert.throws(() => read(['loss:0.1@70-80']), { code: 'USAGE' })
  })
})
