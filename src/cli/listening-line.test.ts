import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configFromUrls } from '../config/command-line.ts'
import { listeningLine } from './listening-line.ts'

describe('listeningLine', () => {
  it('names the address, the paths and what stands behind them, without secrets', () => {
    const key = '0123456789abcdef'
    const urls = { el: [`http://u:pw@a:1/${key}`], elBackup: ['http://b:2'], cl: ['http://c:3'] }
    const { options, secrets } = configFromUrls(urls, {})
    assert.equal(
      listeningLine({ host: '::1', port: 80 }, options, secrets),
      'listening on http://[::1]:80 · /el and / (evm): a-1 http://***@a:1/***, b-2 http://b:2 (backup)' +
        ' · /cl and /eth (beacon): c-3 http://c:3',
    )
  })
})
