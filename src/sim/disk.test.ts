import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../core/random.ts'
import { VirtualClock } from '../core/virtual-clock.ts'
import { VirtualDisk } from './disk.ts'

const bytes = (...values: number[]): Uint8Array[] => [Uint8Array.from(values)]

function setUp(seed = 1) {
  const clock = new VirtualClock()
  return { clock, platter: new VirtualDisk(clock, seededRandom(seed), 1) }
}

describe('the virtual disk', () => {
  it('keeps segments in order and reads what was appended', () => {
    const { platter } = setUp()
    const disk = platter.open()
    disk.append(2, bytes(4, 5))
    disk.append(1, bytes(1))
    disk.append(2, bytes(6))
    assert.deepEqual(disk.segments(), [1, 2])
    assert.deepEqual([...disk.read(2, 1, 100)], [5, 6])
    assert.equal(disk.size(2), 3)
    disk.truncate(2, 1)
    assert.deepEqual([...disk.read(2, 0, 9)], [4])
    disk.drop(2)
    assert.deepEqual([disk.segments(), disk.size(2)], [[1], 0])
  })

  it('survives a crash of the process unharmed', () => {
    const { platter } = setUp()
    platter.open().append(0, bytes(1, 2, 3))
    platter.crash('kept')
    assert.deepEqual([...platter.open().read(0, 0, 9)], [1, 2, 3])
  })

  it('loses only what no finished sync covered', () => {
    for (let seed = 0; seed < 50; seed++) {
      const { clock, platter } = setUp(seed)
      const disk = platter.open()
      let synced = 0
      disk.append(0, bytes(1, 2, 3))
      disk.sync(() => synced++)
      clock.advance(1)
      disk.append(0, bytes(4, 5, 6, 7))
      disk.sync(() => synced++)
      platter.crash('torn')
      clock.advance(10)
      assert.equal(synced, 1)
      const found = [...platter.open().read(0, 0, 9)]
      assert.deepEqual(found.slice(0, 3), [1, 2, 3])
      for (const [at, value] of found.slice(3).entries()) assert.ok(value === at + 4 || value === 0)
    }
  })

  it('tears differently from seed to seed', () => {
    const lengths = Array.from({ length: 30 }, (_, seed) => {
      const { platter } = setUp(seed)
      platter.open().append(0, bytes(1, 2, 3, 4))
      platter.crash('torn')
      return platter.open().size(0)
    })
    assert.ok(new Set(lengths).size > 2)
  })

  it('finds nothing after a wipe, and a dead handle writes nothing', () => {
    const { platter } = setUp()
    const disk = platter.open()
    disk.append(0, bytes(1))
    platter.crash('wiped')
    disk.append(0, bytes(2))
    assert.deepEqual(platter.open().segments(), [])
  })
})
