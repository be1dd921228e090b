import assert from 'node:assert/strict'
import { it } from 'node:test'
import { HostileRun } from '../replica/hostile-run.ts'
import { attacks, type Hostility } from '../replica/hostilities.ts'

const seconds = Number(process.env['HOSTILE_SECONDS'] ?? 4)
const only = process.env['HOSTILE_ONLY']?.split(',')

// On a quiet machine nine tenths of the rate remain. The machine that tests may be busy with other things.
const leastShare = 0.5
const mostMb = 300

/* Processes on this machine. HOSTILE_SECONDS and HOSTILE_ONLY choose the length and the attacks. */
const names = (Object.keys(attacks) as Hostility[]).filter((name) => only?.includes(name) ?? true)
for (const name of names) {
  it(`three validators go on as before while the fourth is hostile: ${name}`, { timeout: 120_000 }, async (t) => {
    const report = await HostileRun.run(name, seconds)
    t.diagnostic(JSON.stringify({ name, ...report }))
    assert.ok(report.during >= report.before * leastShare, `${report.during} commits a second, ${report.before} before`)
    assert.ok(report.residentMb > 0 && report.residentMb < mostMb, `${report.residentMb} MB`)
  })
}

it('a validator links and goes on while a stranger floods its door', { timeout: 120_000 }, async (t) => {
  const report = await HostileRun.strangers(seconds)
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.during >= report.before * leastShare, `${report.during} commits a second, ${report.before} before`)
  assert.ok(report.residentMb > 0 && report.residentMb < mostMb, `${report.residentMb} MB`)
})
