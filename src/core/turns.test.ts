import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Turns } from './turns.ts'

describe('turns', () => {
  it('go round the groups, each in its own order, and lose nothing', () => {
    const group = fc.constantFrom('a', 'b', 'c')
    fc.assert(
      fc.property(fc.array(group), (groups) => {
        const turns = new Turns<{ group: string; at: number }>()
        groups.forEach((name, at) => {
          turns.add(name, { group: name, at })
        })
        const taken = groups.map(() => turns.next()!)
        assert.equal(turns.next(), undefined)
        for (const name of ['a', 'b', 'c']) {
          const own = taken.filter((one) => one.group === name).map(({ at }) => at)
          assert.deepEqual(
            own,
            groups.flatMap((other, at) => (other === name ? [at] : [])),
          )
          // Whoever waits is passed over by each of the others once.
          const places = taken.flatMap((one, at) => (one.group === name ? [at] : []))
          assert.ok(places.every((place, nth) => place - (places[nth - 1] ?? -1) <= 3))
        }
      }),
    )
  })
})
