import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeSeeds } from './judge-seeds.ts'

const seeds = 2000

describe('a committee under chance', () => {
  it(`keeps its promises in ${seeds} runs with random networks and up to f faulty validators`, async () => {
    const verdicts = await judgeSeeds(1, seeds, 2)
    const failures = verdicts.flatMap(({ failure }) => (failure === undefined ? [] : [failure]))
    assert.equal(verdicts.length, seeds)
    assert.deepEqual(failures, [], `replay with: npm run test:soak -- 1 SEED\n${failures.slice(0, 10).join('\n')}`)
    const commits = verdicts.reduce((sum, verdict) => sum + verdict.commits, 0)
    assert.ok(commits > 10 * seeds, `only ${commits} commits: the runs prove little`)
  })
})
