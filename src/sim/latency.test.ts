import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { latencyPresets, presetLatency, readLatency, wanPlaces } from './latency.ts'

describe('latency matrices', () => {
  it('offers a LAN on which all are equally near and a WAN of thirteen regions', () => {
    assert.deepEqual(latencyPresets, ['lan', 'wan'])
    const lan = presetLatency('lan', 4)
    assert.ok(lan.oneWayMs.every((row, from) => row.every((ms, to) => ms === (from === to ? 0 : lan.unitMs))))
    const wan = presetLatency('wan', 13)
    assert.equal(wanPlaces.length, 13)
    for (let from = 0; from < 13; from++) {
      for (let to = 0; to < 13; to++) assert.equal(wan.oneWayMs[from]![to], wan.oneWayMs[to]![from])
    }
    assert.equal(wan.unitMs, 295 / 2)
  })

  it('settles more validators than places in the same places again', () => {
    const wan = presetLatency('wan', 15)
    assert.equal(wan.oneWayMs[0]![13], presetLatency('lan', 4).unitMs)
    assert.equal(wan.oneWayMs[14]![2], wan.oneWayMs[1]![2])
  })

  it('reads JSON and lines of numbers', () => {
    const asLines = readLatency('# two sites\n0 20\n30, 0\n', 2)
    assert.deepEqual(asLines.oneWayMs, [
      [0, 20],
      [30, 0],
    ])
    assert.equal(asLines.unitMs, 30)
    assert.deepEqual(readLatency('[[0, 20], [30, 0]]', 2).oneWayMs, asLines.oneWayMs)
    assert.equal(readLatency('{"oneWayMs": [[8]], "jitter": 0.5}', 3).jitter, 0.5)
    assert.equal(readLatency('{"oneWayMs": [[8]]}', 3).oneWayMs[0]![2], 8)
  })

  it('refuses what is not a square of delays', () => {
    for (const text of [
      '',
      '1 2\n3',
      '[[1,2]]',
      '[[',
      '{}',
      '{"oneWayMs": 5}',
      '[["a"]]',
      '0 x\n1 0',
      '[[-1]]',
      '[[1e9]]',
    ]) {
      assert.throws(() => readLatency(text, 4), { code: 'USAGE' }, text)
    }
    assert.throws(() => readLatency('{"oneWayMs": [[1]], "jitter": "x"}', 4), { code: 'USAGE' })
    assert.throws(() => presetLatency('moon', 4), { code: 'USAGE' })
  })
})
