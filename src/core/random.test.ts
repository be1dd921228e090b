import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom, systemRandom } from './random.ts'

const draws = 20_000

/** Pearson's chi-squared over equally likely cells. */
function chiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

describe('seeded chance', () => {
  it('repeats itself for the same seed, whatever is drawn', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.constantFrom('float', 'int', 'bytes'), { maxLength: 30 }),
        (seed, kinds) => {
          const [one, other] = [seededRandom(seed), seededRandom(seed)]
          const draw = (random: typeof one, kind: string) =>
            kind === 'float' ? random.float() : kind === 'int' ? random.int(1000) : random.bytes(5).toString('hex')
          for (const kind of kinds) assert.equal(draw(one, kind), draw(other, kind))
        },
      ),
    )
  })

  it('gives every seed a sequence of its own', () => {
    const firsts = Array.from({ length: 1000 }, (_, seed) => seededRandom(seed).bytes(8).toString('hex'))
    assert.equal(new Set(firsts).size, 1000)
  })

  it('keeps to its ranges', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 1_000_000 }), (seed, below) => {
        const random = seededRandom(seed)
        const [number, float] = [random.int(below), random.float()]
        assert.ok(Number.isInteger(number) && number >= 0 && number < below)
        assert.ok(float >= 0 && float < 1)
        assert.equal(random.bytes(below % 100).length, below % 100)
      }),
    )
  })

  it('draws each of ten numbers about equally often, and each byte', () => {
    const random = seededRandom(7)
    const tenths = new Array<number>(10).fill(0)
    for (let n = 0; n < draws; n++) tenths[random.int(10)]!++
    // The 99.99 % quantiles of chi-squared with 9 and with 255 degrees of freedom are 33.7 and 349.
    assert.ok(chiSquared(tenths) < 33.7, `${tenths}`)
    const bytes = new Array<number>(256).fill(0)
    for (const byte of random.bytes(100_000)) bytes[byte]!++
    assert.ok(chiSquared(bytes) < 349)
  })

  it('does not let one draw foretell the next', () => {
    const random = seededRandom(11)
    const pairs = new Array<number>(16).fill(0)
    for (let n = 0, last = 0; n < draws; n++) {
      const next = random.int(4)
      pairs[last * 4 + next]!++
      last = next
    }
    // 99.99 % quantile with 15 degrees of freedom.
    assert.ok(chiSquared(pairs) < 44.3, `${pairs}`)
  })
})

describe('the chance of the machine', () => {
  it('keeps to the same ranges', () => {
    for (let n = 0; n < 1000; n++) {
      assert.ok(systemRandom.int(3) >= 0 && systemRandom.int(3) < 3)
      assert.ok(systemRandom.float() < 1)
    }
    assert.notDeepEqual(systemRandom.bytes(16), systemRandom.bytes(16))
  })
})
