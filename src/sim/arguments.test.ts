import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readArguments, readDuration } from './arguments.ts'

const words = { validators: '4', seed: '1', latency: 'lan', load: '1000', for: '60s', fault: [], leaders: '1' }

describe('the words of a simulation', () => {
  it('understands the documented ones', () => {
    const given = readArguments({ ...words, fault: ['crash:3@5', 'loss:0.1'] })
    assert.deepEqual(
      { ...given, faults: given.faults.map(({ kind }) => kind) },
      {
        ...{ validators: 4, seed: 1, latency: 'lan', load: 1000, forMs: 60_000, faults: ['crash', 'loss'], leaders: 1 },
        ...{ stakes: [], votes: false },
      },
    )
    const { stakes, votes } = readArguments({ ...words, stakes: '3,1,2', votes: true })
    assert.deepEqual([stakes, votes], [[3, 1, 2], true])
  })

  it('reads durations', () => {
    assert.deepEqual(
      ['500ms', '60s', '2m', '1h', '1.5s', '30'].map((text) => readDuration('--for', text)),
      [500, 60_000, 120_000, 3_600_000, 1500, 30_000],
    )
    for (const text of ['', '0s', '-1s', '5d', 'soon', '1e9h', '200h']) {
      assert.throws(() => readDuration('--for', text), { code: 'USAGE' }, text)
    }
  })

  it('refuses numbers outside of their range', () => {
    for (const wrong of [
      { validators: '0' },
      { validators: '101' },
      { validators: 'many' },
      { validators: '4.5' },
      { seed: '-1' },
      { seed: '4294967296' },
      { load: '1e3' },
      { leaders: '5' },
      { leaders: '0' },
      { stakes: '1,1,1,1,1' },
      { stakes: '1,0' },
      { stakes: '' },
      { fault: ['crash:4@1'] },
    ]) {
      assert.throws(() => readArguments({ ...words, ...wrong }), { code: 'USAGE' }, JSON.stringify(wrong))
    }
  })
})
