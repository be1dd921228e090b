import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultParameters } from '../consensus/parameters.ts'
import type { ReplicaStatus } from '../replica/status.ts'
import { Burdens } from './burden.ts'

const parameters = { ...defaultParameters, maxSuspendedPerAuthor: 10, maxSuspendedBytesPerAuthor: 1000 }
const calm = {
  authority: 1,
  round: 100,
  gcRound: 90,
  suspendedBlocks: 4,
  suspendedBytes: 800,
  missingBlocks: 3,
  dagBlocks: 48,
  intake: { decoded: 300, checked: 300 },
}
const look = (burdens: Burdens, changed: Partial<typeof calm>): string | undefined =>
  burdens.look({ ...calm, ...changed } as ReplicaStatus, 2, 100)

describe('what honest validators hold and do', () => {
  it('is borne while it follows from what the committee makes', () => {
    assert.equal(look(new Burdens(4, parameters), {}), undefined)
  })

  it('is too much where somebody else decides how much it is', () => {
    for (const [changed, told] of [
      [{ suspendedBlocks: 41 }, /41 blocks waiting, where 40 /],
      [{ suspendedBytes: 50_000_000 }, /bytes waiting/],
      [{ missingBlocks: 17 }, /17 ancestors missing, where 16 /],
      [{ dagBlocks: 97 }, /97 blocks in memory, where 96 /],
      [{ intake: { decoded: 1100, checked: 1001 } }, /1001 signatures checked, where 1000 /],
      [{ intake: { decoded: 4001, checked: 900 } }, /4001 blocks decoded, where 4000 /],
    ] as const) {
      assert.match(look(new Burdens(4, parameters), changed) ?? 'borne', told)
    }
  })

  it('counts on when a process begins anew, and keeps the heaviest moment', () => {
    const burdens = new Burdens(4, parameters)
    look(burdens, { suspendedBlocks: 9 })
    look(burdens, { intake: { decoded: 10, checked: 5 } })
    look(burdens, { intake: { decoded: 20, checked: 6 } })
    const { waitingBlocks, decoded, checked } = burdens.worst
    assert.deepEqual([waitingBlocks, decoded, checked], [9, 320, 306])
  })
})
