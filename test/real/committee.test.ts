import assert from 'node:assert/strict'
import { it } from 'node:test'
import { chaos } from '../replica/chaos.ts'

const seconds = Number(process.env['CHAOS_SECONDS'] ?? 120)
const seed = Number(process.env['CHAOS_SEED'] ?? 1)

/* Four processes on this machine. CHAOS_SECONDS and CHAOS_SEED choose the length and the faults. */
it(`four validators agree through ${seconds} seconds of faults (seed ${seed})`, {
  timeout: seconds * 1000 + 300_000,
}, async (t) => {
  const report = await chaos(seconds, seed, (line) => t.diagnostic(line))
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.commits > 5 * seconds, `too few commits: ${report.commits}`)
  assert.ok(report.included > 0)
})
