import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startFakeElNode } from '../fake/el-node.ts'
import { pause, until } from '../fake/until.ts'

const binary = fileURLToPath(new URL('../../bin/drawbridge.js', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'drawbridge-cli-'))
const secret = 's3cr3tK3y0fOurs'
const running = new Set<ChildProcess>()

after(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(directory, { recursive: true })
})

interface Result {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** The program in a process of its own, with what it printed so far. */
class Program {
  out = ''
  err = ''
  readonly child: ChildProcess
  readonly ended: Promise<number | null>

  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    ofNode: readonly string[] = [],
  ) {
    this.child = spawn(process.execPath, [...ofNode, binary, ...args], {
      cwd: directory,
      env: { ...process.env, ...environment },
    })
    running.add(this.child)
    this.child.stdout?.on('data', (chunk: Buffer) => (this.out += chunk.toString()))
    this.child.stderr?.on('data', (chunk: Buffer) => (this.err += chunk.toString()))
    const patience = setTimeout(() => this.child.kill('SIGKILL'), 30_000)
    this.ended = new Promise((resolve) => this.child.once('close', (code) => resolve(code)))
    void this.ended.then(() => {
      clearTimeout(patience)
      running.delete(this.child)
    })
  }

  /** The port it listens on, once it does. */
  async port(): Promise<number> {
    const found = await this.#printed(/^listening on http:\/\/127\.0\.0\.1:(\d+)/m)
    return Number(found)
  }

  async #printed(pattern: RegExp): Promise<string> {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
      const found = pattern.exec(this.out)?.[1]
      if (found !== undefined) return found
      if (this.child.exitCode !== null) break
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    throw new Error(`it never printed ${pattern}: ${this.out}${this.err}`)
  }
}

async function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Result> {
  const program = new Program(args, environment)
  const code = await program.ended
  return { code, out: program.out, err: program.err }
}

function file(name: string, text: string): string {
  writeFileSync(join(directory, name), text)
  return name
}

const goodConfig = `
listen = "127.0.0.1:0"
[networks.el]
kind = "evm"
default = true
[[networks.el.upstreams]]
name = "one"
url = "http://user:${secret}@127.0.0.1:9/v2/$\{API_KEY}?token=${secret}"
headers = { X-Key = "Bearer ${secret}" }
`

describe('drawbridge', () => {
  it('prints help when it is called bare', async () => {
    const { code, out, err } = await run([])
    assert.equal(code, 0)
    assert.match(out, /^Usage: drawbridge \[options\] \[command\]/)
    assert.match(out, /^ {2}serve /m)
    assert.equal(err, '')
  })

  it('prints its version', async () => {
    const { code, out } = await run(['--version'])
    assert.equal(code, 0)
    assert.match(out, /^\d+\.\d+\.\d+\S*\n$/)
  })

  const wrong: [args: string[], sentence: RegExp][] = [
    [['serv'], /unknown command 'serv'\n\(Did you mean serve\?\)/],
    [['serve', '--lisen', 'x'], /unknown option '--lisen'\n\(Did you mean --listen\?\)/],
    [['--log-leve', 'x', 'serve'], /unknown option '--log-leve'\n\(Did you mean --log-level\?\)/],
    [['serve', '--listen'], /option '--listen <host:port>' argument missing/],
    [['serve', '--log-level', 'loud'], /Allowed choices are debug, info, warn, error, silent/],
    [['check', 'extra'], /too many arguments for 'check'/],
    [[`http://u:${secret}@h/`], /A URL stands where a command belongs\. Write: drawbridge serve URL/],
    [['serve', 'http://h', '--config', 'x.toml'], /Both URLs and --config were given/],
    [
      ['serve', `wss://u:${secret}@h/`],
      /The command line has a problem:\n {2}networks\.el\.upstreams\[0\]\.url: .*belongs under "ws"/,
    ],
    [['serve', `http//${secret}@h`], /write an http or https URL/],
    [['serve', 'http://h', '--listen', ':8080'], /listen: ":8080" does not fit: write "127\.0\.0\.1:8080"/],
    [['serve'], /There is no drawbridge\.config\.ts, .* Write one, name one with --config FILE/],
    [['serve', '--config', 'nope.toml'], /nope\.toml cannot be read: there is no such file/],
    [['consensus', 'decide'], /missing required argument 'file'\nRun it with --help/],
    [['keygen'], /required option '--validators <n>' not specified/],
    [['status', '--url', 'ftp://x'], /The address given with --url does not fit/],
  ]
  for (const [args, sentence] of wrong) {
    it(`ends with 2 and a sentence: ${args.join(' ').replace(secret, '…')}`, async () => {
      const { code, out, err } = await run(args)
      assert.equal(code, 2, err)
      assert.match(err, sentence)
      assert.match(err, /^drawbridge: /)
      assert.equal(out, '')
      assert.doesNotMatch(err, new RegExp(secret))
      assert.doesNotMatch(err, /^ {4}at /m)
    })
  }
})

describe('drawbridge check', () => {
  it('prints the config with every default, and no secret', async () => {
    const { code, out, err } = await run(['check', '--config', file('good.toml', goodConfig)], { API_KEY: secret })
    assert.equal(code, 0, err)
    assert.match(out, /^url = "http:\/\/\*\*\*@127\.0\.0\.1:9\/v2\/\*\*\*\?token=\*\*\*"$/m)
    assert.match(out, /^maxRetries = 2$/m)
    assert.doesNotMatch(out, new RegExp(secret))
  })

  it('ends with 1 and all problems for an invalid file', async () => {
    const text = goodConfig.replace('kind = "evm"', 'kind = "x"').replace('name = "one"', `nam = "${secret}"`)
    const { code, out, err } = await run(['check', '--config', file('bad.toml', text)])
    assert.equal(code, 1)
    assert.equal(out, '')
    assert.match(err, /bad\.toml has 3 problems:\n/)
    assert.match(err, /networks\.el\.kind: "x" does not fit: write "evm" or "beacon"\./)
    assert.match(err, /upstreams\[0\]\.nam: unknown key: did you mean "name"\?/)
    assert.match(err, /the environment variable API_KEY is not set/)
    assert.doesNotMatch(err, new RegExp(secret))
  })

  it('says line and column of a syntax error, without the line itself', async () => {
    const { code, err } = await run(['check', '--config', file('broken.toml', `[networks.el]\nurl = "${secret}\n`)])
    assert.equal(code, 1)
    assert.match(err, /broken\.toml:2:\d+: this is not valid TOML/)
    assert.doesNotMatch(err, new RegExp(secret))
  })

  it('prints the JSON Schema', async () => {
    const { code, out } = await run(['check', '--schema'])
    assert.equal(code, 0)
    assert.equal(JSON.parse(out).properties.listen.default, '127.0.0.1:8080')
  })
})

describe('drawbridge status', () => {
  let server: Server
  let url = ''
  const snapshot = { version: '9.9.9', networks: { el: { kind: 'evm', upstreams: [{ name: 'a', eligible: true }] } } }

  before(async () => {
    server = createServer((request, response) => {
      if (request.url !== '/status') response.writeHead(404)
      response.end(request.url === '/status' ? JSON.stringify(snapshot) : '')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => server.close())

  it('prints a table', async () => {
    const { code, out } = await run(['status', '--url', url])
    assert.equal(code, 0)
    assert.match(out, /^drawbridge 9\.9\.9\n\nel: evm/)
    assert.match(out, /^ {2}a {9}- {5}eligible/m)
  })

  it('prints the snapshot as JSON', async () => {
    const { out } = await run(['status', '--url', `${url}/`, '--json'])
    assert.deepEqual(JSON.parse(out), snapshot)
  })

  it('ends with 1 and a next step when nobody answers', async () => {
    const closed = createTcpServer()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    const { code, err } = await run(['status', '--url', `http://u:${secret}@127.0.0.1:${port}`])
    assert.equal(code, 1)
    assert.match(err, /does not answer.* Start a gateway with "drawbridge serve", or name its address with --url\./)
    assert.doesNotMatch(err, new RegExp(secret))
  })
})

describe('drawbridge explain', () => {
  const cases: [args: string[], words: RegExp][] = [
    [
      ['{"code":3,"message":"daily limit exceeded","data":"0x08c379a0"}'],
      /^class +REVERT: .*\nrule .*\nblamed +no\nnext +this is the answer\n/,
    ],
    [['{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"nope"}}'], /^class +UNSUP: /],
    [['{"jsonrpc":"2.0","id":1,"result":"rate limit"}'], /^a result: the answer\./],
    [['<html>', '--status', '502'], /^class +NODE: .*\n.*\nblamed +yes/],
    [['{"code":-32005,"message":"x"}', '--status', '429'], /^class +RATE: /],
  ]
  for (const [args, words] of cases) {
    it(`judges ${args.join(' ')}`, async () => {
      const { code, out, err } = await run(['explain', ...args])
      assert.equal(code, 0, err)
      assert.match(out, words)
    })
  }

  it('ends with 2 when the status is none', async () => {
    const { code, err } = await run(['explain', '{}', '--status', 'bad'])
    assert.equal(code, 2)
    assert.match(err, /--status 429/)
  })
})

describe('drawbridge serve', () => {
  it('says where it listens and what stands behind it, and shows no secret in any line', async () => {
    const program = new Program(['serve', '--config', file('serve.toml', goodConfig), '--log-level', 'debug'], {
      API_KEY: secret,
    })
    const port = await program.port()
    assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200)
    const status = await (await fetch(`http://127.0.0.1:${port}/status`)).text()
    program.child.kill('SIGTERM')
    assert.equal(await program.ended, 0, program.err)
    assert.match(program.out, /\/el and \/ \(evm\): one http:\/\/\*\*\*@127\.0\.0\.1:9\/v2\/\*\*\*\?token=\*\*\*/)
    assert.match(program.err, /"signal":"SIGTERM"/)
    for (const text of [program.out, program.err, status]) assert.doesNotMatch(text, new RegExp(secret))
    for (const line of program.err.trim().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string')
  })

  it('ends with 1 on an error that nobody caught, and shows no secret of it', async () => {
    const url = `http://user:${secret}@127.0.0.1:9`
    const bug = `process.on('SIGUSR2', () => { throw new Error('lost ${url}') })`
    const preload = ['--import', `data:text/javascript,${encodeURIComponent(bug)}`]
    const program = new Program(['serve', url, '--listen', '127.0.0.1:0'], {}, preload)
    await program.port()
    program.child.kill('SIGUSR2')
    assert.equal(await program.ended, 1)
    assert.match(program.err, /"msg":"an error that nobody caught/)
    assert.doesNotMatch(program.err, new RegExp(secret))
  })

  it('writes a log for people when it is told to, each event in one line', async () => {
    const program = new Program(['serve', 'http://127.0.0.1:9', '--listen', '127.0.0.1:0', '--log-format', 'pretty'])
    await program.port()
    await until(() => program.err.includes('upstream lost'), { deadlineMs: 20_000 })
    program.child.kill('SIGTERM')
    assert.equal(await program.ended, 0)
    assert.match(program.err, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: started$/m)
    assert.match(program.err, /WARN: upstream lost {2}network=el upstream=\S+ reason="connection refused"$/m)
    for (const line of program.err.trim().split('\n')) assert.match(line, /^\[\d\d:\d\d:\d\d\.\d{3}\] [A-Z]+: /)
  })

  it('takes URLs alone, and --listen over the config', async () => {
    const byUrls = new Program(['serve', 'http://127.0.0.1:9', '--cl', 'http://127.0.0.1:9', '--listen', '127.0.0.1:0'])
    const text = goodConfig.replace('127.0.0.1:0', 'nowhere.invalid:1')
    const byFile = new Program(['serve', '--config', file('other.toml', text), '--listen', '127.0.0.1:0'], {
      API_KEY: 'x',
    })
    for (const program of [byUrls, byFile]) {
      await program.port()
      program.child.kill('SIGINT')
      assert.equal(await program.ended, 0)
    }
    assert.match(byUrls.out, /\/el and \/ \(evm\): 127\.0\.0\.1-9 .* · \/cl and \/eth \(beacon\): 127\.0\.0\.1-9 /)
  })

  it('ends with 2 and a sentence when the address is taken', async () => {
    const holder = createTcpServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as AddressInfo
    const { code, err } = await run(['serve', 'http://127.0.0.1:9', '--listen', `127.0.0.1:${port}`])
    await new Promise((resolve) => holder.close(resolve))
    assert.equal(code, 2)
    assert.match(err, new RegExp(`127\\.0\\.0\\.1:${port} is in use by another program\\. Stop that program`))
  })

  /** A gateway in a process, and a call that waits in the node behind it. */
  async function withCallInFlight(): Promise<{ program: Program; call: Promise<Response>; release: () => void }> {
    let release: () => void = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const node = await startFakeElNode()
    after(() => node.close())
    node.answer('eth_getBalance', () => held.then(() => '0x2a'))
    const program = new Program(['serve', node.url, '--listen', '127.0.0.1:0'])
    const url = `http://127.0.0.1:${await program.port()}`
    await until(async () => (await fetch(`${url}/ready`)).status === 200, { deadlineMs: 10_000 })
    const body =
      '{"jsonrpc":"2.0","id":"x","method":"eth_getBalance","params":["0x0000000000000000000000000000000000000001","latest"]}'
    const call = fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    call.catch(() => {})
    await until(() => node.callsOf('eth_getBalance').length === 1)
    return { program, call, release }
  }

  it('lets a call in flight finish after a signal, then ends with 0', async () => {
    const { program, call, release } = await withCallInFlight()
    program.child.kill('SIGTERM')
    await until(() => program.err.includes('"signal":"SIGTERM"'), { deadlineMs: 10_000 })
    assert.equal(program.child.exitCode, null)
    release()
    assert.deepEqual(await (await call).json(), { jsonrpc: '2.0', id: 'x', result: '0x2a' })
    assert.equal(await program.ended, 0, program.err)
  })

  it('takes a second signal in the same moment for the first, and loses no call', async () => {
    const { program, call, release } = await withCallInFlight()
    program.child.kill('SIGINT')
    program.child.kill('SIGTERM')
    await until(() => program.err.includes('stopping already'), { deadlineMs: 10_000 })
    assert.equal(program.child.exitCode, null)
    release()
    assert.deepEqual(await (await call).json(), { jsonrpc: '2.0', id: 'x', result: '0x2a' })
    assert.equal(await program.ended, 0, program.err)
  })

  it('ends at once with 1 at a second signal', async () => {
    const { program, call, release } = await withCallInFlight()
    program.child.kill('SIGTERM')
    await until(() => program.err.includes('"signal":"SIGTERM"'), { deadlineMs: 10_000 })
    await pause(300)
    program.child.kill('SIGINT')
    assert.equal(await program.ended, 1, program.err)
    await assert.rejects(call)
    release()
  })
})
