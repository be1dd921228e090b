import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createGateway, fromConfig } from '../../src/index.ts'
import { startFakeElNode } from '../fake/el-node.ts'
import { until } from '../fake/until.ts'
import { send } from './gate.ts'

const body = '{"jsonrpc":"2.0","id":1,"method":"eth_gasPrice","params":[]}'
const index = new URL('../../src/index.ts', import.meta.url).href
const headers = ['content-type', 'application/json']

describe('as a library', () => {
  it('runs from a config with nothing but URLs, with the machine for its world', async (t) => {
    const node = await startFakeElNode()
    t.after(() => node.close())
    const config = fromConfig({
      listen: '127.0.0.1:0',
      networks: { el: { kind: 'evm', upstreams: [{ url: node.url }] } },
    })
    const gateway = createGateway(config)
    t.after(() => gateway.close())
    const { port } = await gateway.start()
    const answer = await send(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body })
    assert.equal(answer.json.result, '0x7')
    assert.match(gateway.snapshot().version, /^\d+\.\d+\.\d+/)
  })

  it('takes the environment, and says everything that is wrong at once', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the config's own placeholder
    const upstreams = [{ url: '${URL_OF_A}' }]
    const options = fromConfig({ networks: { el: { kind: 'evm', upstreams } } }, { URL_OF_A: 'http://a:1' })
    assert.equal(options.networks[0]?.upstreams[0]?.url, 'http://a:1')
    assert.throws(() => fromConfig({ drainMs: -1, networks: { EL: { kind: 'evm', upstreams: [] } } }, {}), {
      name: 'ConfigError',
      message: /drainMs[\s\S]*networks\.EL/,
    })
  })

  it('works as in examples/README.md, and ends when it is told to', async (t) => {
    const node = await startFakeElNode()
    t.after(() => node.close())
    const example = readFileSync(new URL('../../examples/README.md', import.meta.url), 'utf8')
    const code = /^```ts\n([\s\S]*?)^```$/m.exec(example)![1]!
    const folder = mkdtempSync(join(tmpdir(), 'drawbridge-library-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'gateway.mts')
    writeFileSync(file, code.replace("'drawbridge-rpc'", JSON.stringify(index)))
    const child = spawn(process.execPath, [file, node.url], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    const exited = once(child, 'exit')
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
    await until(() => printed.endsWith('\n'), { deadlineMs: 60_000 })
    const answer = await send(`${printed.trim()}/`, { method: 'POST', headers, body })
    assert.equal(answer.json.result, '0x7')
    child.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
  })
})
