import assert from 'node:assert/strict'
import { it } from 'node:test'
import { chaos } from './chaos.ts'

// A taste of the long run in test/real: four processes, a few faults, a stranger at the door.
it('four processes agree through kills, stops, cut links and a lost disk; a stranger gets nowhere', async (t) => {
  const report = await chaos(5, 9, (line) => t.diagnostic(line))
  assert.ok(report.commits > 20)
  assert.ok(report.included > 0)
})
