import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Picture } from './picture.ts'
import { quantile, quantilesOf } from './quantiles.ts'
import { failed, renderResult, type SimulationResult } from './report.ts'

const result: SimulationResult = {
  report: {
    seed: 1,
    validators: 4,
    virtualSeconds: 60,
    wallSeconds: 2.5,
    rounds: 1200,
    commits: 1190,
    leaders: { committedDirect: 1180, committedIndirect: 10, skippedDirect: 8, skippedIndirect: 2 },
    transactions: { submitted: 60_000, ordered: 59_990, doubled: 0, lost: 0 },
    latencyMs: { p50: 12.34, p90: 20, p99: 31 },
    messageDelays: { p50: 3.02, p99: 3.3 },
    equivocations: 5,
    safety: 'ok',
    liveness: 'ok',
    digest: 'ab'.repeat(32),
  },
  loadSeconds: 60,
  unitMs: 5,
  burden: { waitingBytes: 2048, waitingBlocks: 7, missing: 3, blocks: 240, decoded: 5000, checked: 4800 },
  faulty: 1,
  bearable: 1,
  picture: undefined,
}

const changed = (report: Partial<SimulationResult['report']>, rest: Partial<SimulationResult> = {}) => ({
  ...result,
  ...rest,
  report: { ...result.report, ...report },
})

describe('the report', () => {
  it('shows latencies, rates, skipped leaders and the verdict', () => {
    const text = renderResult(result)
    assert.match(text, /transaction latency +12\.34 ms +20 ms +31 ms/)
    assert.match(text, /leader to commit +3\.02 delays +3\.3 delays/)
    assert.match(text, /rounds +1200 +20 \/s/)
    assert.match(text, /leaders skipped +8 direct +2 indirect +0\.83 %/)
    assert.match(text, /transactions ordered +59990 +999\.83 \/s/)
    assert.match(text, /at most waiting +7 blocks +2048 bytes +3 missing\nat most done +4800 checks +5000 blocks/)
    assert.match(text, /safety +ok\nliveness +ok/)
    assert.ok(text.includes(result.report.digest))
  })

  it('fails a run that forked, or that stalled though its faults could be borne', () => {
    assert.equal(failed(result), false)
    assert.equal(failed(changed({ safety: 'forked' })), true)
    assert.equal(failed(changed({ liveness: 'stalled' })), true)
    assert.equal(failed(changed({ liveness: 'stalled' }, { faulty: 2 })), false)
    assert.match(renderResult(changed({ liveness: 'stalled' }, { faulty: 2 })), /stalled with 2 at fault where 1/)
  })

  it('takes quantiles by nearest rank', () => {
    assert.deepEqual(quantilesOf([5, 1, 4, 2, 3]), { p50: 3, p90: 5, p99: 5 })
    assert.deepEqual(quantilesOf([]), { p50: 0, p90: 0, p99: 0 })
    assert.equal(quantile([1, 2, 3, 4], 0.5), 2)
  })
})

describe('the picture', () => {
  const ref = (round: number, author: number, digest = `${round}/${author}`) => ({ round, author, digest })
  const commit = (leader: ReturnType<typeof ref>, refs: ReturnType<typeof ref>[]) =>
    ({ leader, blocks: [...refs, leader].map((one) => ({ ref: one })) }) as unknown as Parameters<Picture['add']>[0]

  it('marks leaders, ordered blocks, siblings and holes', () => {
    const picture = new Picture(3)
    picture.add(commit(ref(1, 0), []))
    picture.add(commit(ref(2, 1), [ref(1, 1), ref(1, 2), ref(1, 2, 'sibling')]))
    assert.deepEqual(picture.render()?.split('\n').slice(0, 4), ['round  1', '    0  ◆ ·', '    1  o ◆', '    2  2 ·'])
  })

  it('is not drawn for large or empty runs', () => {
    assert.equal(new Picture(4).render(), undefined)
    const long = new Picture(4)
    long.add(commit(ref(5000, 0), []))
    assert.equal(long.render(), undefined)
    const wide = new Picture(50)
    wide.add(commit(ref(1, 0), []))
    assert.equal(wide.render(), undefined)
  })
})
