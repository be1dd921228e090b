import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { WaitingLine } from './waiting-line.ts'

/** A line in front of so many places; who got one is written down. */
function stage(places?: number) {
  const line = new WaitingLine(places)
  const served: string[] = []
  let free = 0
  const add = (client: string, name: string): boolean =>
    line.add(client, () => {
      if (free === 0) return false
      free--
      served.push(name)
      return true
    })
  const give = (count: number): void => {
    free += count
    for (let n = 0; n < count; n++) line.moveUp()
  }
  return { line, served, add, give }
}

describe('a waiting line', () => {
  it('lets the clients take turns, each with its own calls in their order', () => {
    const { line, served, add, give } = stage()
    for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) add(name[0]!, name)
    for (let n = 0; n < 6; n++) give(1)
    assert.deepEqual(served.slice(0, 3), ['a1', 'b1', 'c1'])
    assert.deepEqual(
      served.filter((name) => name.startsWith('a')),
      ['a1', 'a2', 'a3'],
    )
    assert.equal(line.size, 0)
  })

  it('asks nobody twice when a place becomes free while it asks', () => {
    const { line, served, add, give } = stage()
    line.add('a', () => {
      line.moveUp()
      served.push('a1')
      return true
    })
    add('a', 'a2')
    give(1)
    line.moveAll()
    assert.deepEqual(served, ['a1', 'a2'])
  })

  it('has an end for each client, and a place for the next one', () => {
    const { add } = stage(100)
    let own = 0
    while (add('a', 'a')) own++
    assert.equal(own, 75)
    assert.equal(add('b', 'b'), true)
  })

  it('serves everybody in the end, however long it is, and keeps nobody', () => {
    const client = fc.integer({ min: 0, max: 80 })
    fc.assert(
      fc.property(fc.array(client, { maxLength: 200 }), (clients) => {
        const { line, served, add, give } = stage()
        for (const [at, who] of clients.entries()) add(`${who}`, `${at}`)
        give(clients.length)
        line.moveAll()
        assert.equal(line.size, 0)
        assert.equal(new Set(served).size, clients.length)
      }),
    )
  })
})
