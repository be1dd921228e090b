import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { configFromUrls } from './command-line.ts'
import { effectiveConfigText } from './effective.ts'
import { searchedFiles } from './files.ts'
import { parseText } from './formats.ts'
import { loadConfig, validateConfig } from './load.ts'

const directory = mkdtempSync(join(tmpdir(), 'drawbridge-config-'))
after(() => rmSync(directory, { recursive: true }))
let folders = 0

/** A new folder with these files. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(directory, `${folders++}-`))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

const load = (folder: string, file?: string, environment = {}) => loadConfig({ directory: folder, file, environment })
const json = (port: number): string =>
  JSON.stringify({ networks: { el: { kind: 'evm', upstreams: [{ url: `http://h:${port}` }] } } })
const script = (port: number): string => `export default ${json(port)}`

describe('loadConfig', () => {
  it('fills in every default', async () => {
    const { options } = await load(folderWith({ 'c.json': json(1) }), 'c.json')
    assert.deepEqual(options, {
      listen: { host: '127.0.0.1', port: 8080 },
      drainMs: 8000,
      drain: { noticeMs: 0 },
      directives: { upstream: false },
      limits: {
        maxBodyBytes: 10_000_000,
        maxBatch: 1000,
        maxConnections: 10_000,
        maxConnectionsPerClient: 2500,
        maxHeldBytes: 268_435_456,
        perClient: { requestsPerSecond: 0, burst: 0 },
      },
      cors: { origins: [] },
      networks: [
        {
          name: 'el',
          kind: 'evm',
          default: true,
          upstreams: [{ name: 'h-1', url: 'http://h:1', tier: 'primary', headers: {}, passHeaders: [] }],
          probe: { intervalMs: 1000, timeoutMs: 5000, maxLagBlocks: 5, maxFailures: 3 },
          routing: { strategy: 'ordered' },
          failsafe: {
            timeoutMs: 30_000,
            maxRetries: 2,
            stallMs: 10_000,
            produceMs: 3000,
            hedge: { afterQuantile: 0.95, maxExtraPercent: 10 },
            breaker: { failureRatio: 0.5, minimumCalls: 20, openMs: 10_000 },
          },
        },
      ],
    })
  })

  it('makes the only network of its kind the default one, unless it says otherwise', async () => {
    const network = (kind: string, more = '') => `{ "kind": "${kind}", "upstreams": [{ "url": "http://h:1" }]${more} }`
    const cases: [string, boolean[]][] = [
      [`"a": ${network('evm')}, "b": ${network('beacon')}`, [true, true]],
      [`"a": ${network('evm')}, "b": ${network('evm')}`, [false, false]],
      [`"a": ${network('evm')}, "b": ${network('evm', ', "default": true')}`, [false, true]],
      [`"a": ${network('evm', ', "default": false')}`, [false]],
    ]
    for (const [text, expected] of cases) {
      const { options } = await load(folderWith({ 'c.json': `{ "networks": { ${text} } }` }), 'c.json')
      assert.deepEqual(
        options.networks.map((one) => one.default),
        expected,
        text,
      )
    }
  })

  it('takes one URL with two keys in its headers for two upstreams', async () => {
    const upstream = (key: string) => `{ "url": "http://h:1", "headers": { "X-Key": "${key}" } }`
    const text = `{ "networks": { "el": { "kind": "evm", "upstreams": [${upstream('1')}, ${upstream('2')}] } } }`
    const { options } = await load(folderWith({ 'c.json': text }), 'c.json')
    assert.deepEqual(
      options.networks[0]?.upstreams.map(({ name }) => name),
      ['h-1', 'h-1-2'],
    )
  })

  it('gives a beacon network its own distance to the head', async () => {
    const text = 'networks:\n  cl:\n    kind: beacon\n    upstreams:\n      - url: http://h:5052\n'
    const { options } = await load(folderWith({ 'c.yml': text }), 'c.yml')
    assert.equal(options.networks[0]?.probe.maxLagBlocks, 3)
  })

  it('looks for TypeScript, TOML, YAML and JSON in that order', async () => {
    const texts = [
      script(1),
      '[networks.el]\nkind = "evm"\nupstreams = [{ url = "http://h:2" }]',
      'networks: { el: { kind: evm, upstreams: [{ url: "http://h:3" }] } }',
      json(4),
    ]
    for (const [first, name] of searchedFiles.entries()) {
      const present = searchedFiles.slice(first).map((file, at) => [file, texts[first + at]!] as const)
      const { options, source } = await load(folderWith(Object.fromEntries(present)))
      assert.equal(source, name)
      assert.equal(options.networks[0]?.upstreams[0]?.url, `http://h:${first + 1}`)
    }
  })

  it('says what it looked for when there is nothing', async () => {
    await assert.rejects(load(folderWith({})), /There is no drawbridge\.config\.ts, .*toml, .*yaml, .*json in /)
  })

  it('says why a file cannot be read', async () => {
    const folder = folderWith({ 'c.ini': '', 'latin.toml': '' })
    writeFileSync(join(folder, 'latin.toml'), Buffer.from([0x61, 0xff, 0xfe]))
    await assert.rejects(load(folder, 'nope.toml'), /nope\.toml cannot be read: there is no such file\./)
    await assert.rejects(load(folder, 'nope.ts'), /nope\.ts cannot be read: there is no such file\./)
    await assert.rejects(load(folder, 'c.ini'), /c\.ini is of no known format\./)
    await assert.rejects(load(folder, 'latin.toml'), /it is not UTF-8 text/)
    writeFileSync(join(folder, 'huge.toml'), Buffer.alloc(4_000_001, '#'))
    await assert.rejects(load(folder, 'huge.toml'), /the file has 4000001 bytes; 4000000 are read at most/)
  })

  it('fills the environment in, and knows what of it is secret', async () => {
    const text = json(1).replace(
      '"http://h:1"',
      '"http://$' + '{HOST}:1/$' + '{KEY}","headers":{"X-Key":"$' + '{KEY}-2"}',
    )
    const { options, secrets } = await load(folderWith({ 'c.json': text }), 'c.json', {
      HOST: 'node-one',
      KEY: 'shortkey',
    })
    assert.equal(options.networks[0]?.upstreams[0]?.url, 'http://node-one:1/shortkey')
    assert.ok(secrets.includes('shortkey') && secrets.includes('shortkey-2'))
    assert.ok(!secrets.includes('node-one'))
  })

  it('counts the header that a password becomes among the secrets', () => {
    const url = 'http://us%65r:p%40ssw0rd@h:1/'
    const { secrets } = validateConfig({ networks: { el: { kind: 'evm', upstreams: [{ url }] } } }, 'x', {})
    for (const form of ['user:p@ssw0rd', 'p@ssw0rd', 'p%40ssw0rd', btoa('user:p@ssw0rd')])
      assert.ok(secrets.includes(form), form)
  })

  it('names upstreams after host and port, and numbers those that would be alike', () => {
    const urls = ['http://h:1', 'http://h:1/x', 'https://h', 'http://[::1]:2', 'http://h:3']
    const raw = { networks: { el: { kind: 'evm', upstreams: urls.map((url) => ({ url })) } } }
    raw.networks.el.upstreams.push({ url: 'http://x:9', name: 'h-3' } as { url: string })
    const names = validateConfig(raw, 'x', {}).options.networks[0]?.upstreams.map(({ name }) => name)
    assert.deepEqual(names, ['h-1', 'h-1-2', 'h-443', '1-2', 'h-3-2', 'h-3'])
  })
})

describe('a config in TypeScript', () => {
  const body = json(1)
  const forms: Record<string, string> = {
    'a value': `export default ${body}`,
    'a promise': `export default Promise.resolve(${body})`,
    'a function': `export default () => (${body})`,
    'an async function': `export default async () => (${body})`,
    'a typed value': `import { defineConfig, type Config } from 'drawbridge-rpc'\nconst c: Config = ${body}\nexport default defineConfig(c)`,
  }
  for (const [what, text] of Object.entries(forms)) {
    it(`may export ${what}`, async () => {
      const { options } = await load(folderWith({ 'drawbridge.config.ts': text }))
      assert.equal(options.networks[0]?.upstreams[0]?.url, 'http://h:1')
    })
  }

  const broken: [what: string, text: string, message: RegExp][] = [
    ['has a syntax error', 'const a = 1\nexport default { a: }\n', /c\.ts:2:\d+: the config does not load/],
    [
      'throws',
      "\nthrow new Error('no https://u:s3cr3t@h here')\n",
      /c\.ts:2:\d+: the config does not load: no https:\/\/\*\*\*@h here/,
    ],
    ['exports nothing', 'export const a = 1', /has no config as its default export/],
    ['exports a number', 'export default 5', /has no config as its default export/],
    ['rejects', "export default Promise.reject(new Error('later'))", /the config does not load: later/],
    [
      'imports what is not there',
      "import './nope.ts'\nexport default {}",
      /the config does not load: Cannot find module/,
    ],
  ]
  for (const [what, text, message] of broken) {
    it(`is refused when it ${what}`, async () => {
      await assert.rejects(load(folderWith({ 'c.ts': text }), 'c.ts'), message)
    })
  }

  it('is validated like any other', async () => {
    await assert.rejects(load(folderWith({ 'c.mjs': 'export default { networks: new Map() }' }), 'c.mjs'), /networks/)
    await assert.rejects(load(folderWith({ 'c.mjs': 'export default { drainMs: 5n }' }), 'c.mjs'), /drainMs: a bigint/)
  })
})

describe('configFromUrls', () => {
  it('makes a network of execution clients and one of beacon nodes, each the default', () => {
    const urls = { el: ['http://a:1', 'http://b:1'], elBackup: ['http://c:1'], cl: ['http://d:1'], listen: '[::1]:0' }
    const { options } = configFromUrls(urls, {})
    const seen = options.networks.map(({ name, kind, upstreams, default: isDefault }) => {
      return [name, kind, isDefault, ...upstreams.map((upstream) => `${upstream.name} ${upstream.tier}`)]
    })
    assert.deepEqual(seen, [
      ['el', 'evm', true, 'a-1 primary', 'b-1 primary', 'c-1 backup'],
      ['cl', 'beacon', true, 'd-1 primary'],
    ])
    assert.deepEqual(options.listen, { host: '::1', port: 0 })
  })

  it('refuses a bad URL like a file does', () => {
    const urls = { el: ['ws://u:s3cr3t@a'], elBackup: [], cl: [] }
    assert.throws(
      () => configFromUrls(urls, {}),
      (error: Error) =>
        /The command line has a problem:\n.*belongs under "ws"/.test(error.message) && !/s3cr3t/.test(error.message),
    )
  })
})

describe('the effective config', () => {
  const raw = {
    listen: 'localhost:1',
    limits: { perClient: { requestsPerSecond: 5, burst: 9 } },
    cors: { origins: ['*'] },
    networks: {
      el: {
        kind: 'evm',
        chainId: 1,
        default: true,
        upstreams: [
          { url: 'http://h:1', ws: 'ws://h:2', maxConcurrent: 5, passHeaders: ['Cookie'] },
          { url: 'http://h:3' },
        ],
      },
      cl: { kind: 'beacon', upstreams: [{ url: 'http://h:4', tier: 'primary' }], probe: { maxLagBlocks: 9 } },
    },
  }

  it('gives the same options when it is loaded again', async () => {
    const loaded = validateConfig(raw, 'x', {})
    const again = validateConfig(await parseText(await effectiveConfigText(loaded), 'TOML', 'x'), 'x', {})
    assert.deepEqual(structuredClone(again.options), structuredClone(loaded.options))
  })

  it('shows no header value and no secret of a URL', async () => {
    const secret = {
      url: 'https://user:s3cr3t@h/k/s3cr3ts3cr3t?a=s3cr3t',
      headers: { 'X-Key': 'Bearer s3cr3t1' },
    }
    const text = await effectiveConfigText(
      validateConfig({ networks: { el: { kind: 'evm', upstreams: [{ ...secret, name: 'a' }] } } }, 'x', {}),
    )
    assert.doesNotMatch(text, /s3cr3t|user/)
    assert.match(text, /X-Key = "\*\*\*"/)
  })
})

describe('the examples', () => {
  const folder = fileURLToPath(new URL('../../examples', import.meta.url))
  const files = readdirSync(folder).filter((name) => !name.endsWith('.md'))
  const environment = { GETH_1_KEY: 'one', PROVIDER_KEY: 'two', DRAWBRIDGE_LISTEN: '127.0.0.1:8080' }

  it('are there in every format', () => {
    const endings = new Set(files.map((name) => name.split('.').at(-1)))
    assert.deepEqual([...endings].sort(), ['json', 'toml', 'ts', 'yaml'])
  })

  for (const file of files) {
    it(`load: ${file}`, async () => {
      const { options } = await loadConfig({ directory: folder, file, environment })
      assert.ok(options.networks.length > 0)
    })
  }
})
