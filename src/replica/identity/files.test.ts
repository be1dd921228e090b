import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { makeChains } from '../../../test/replica/chain.ts'
import { loadConsensusConfig } from '../../cli/consensus-config.ts'
import { CommitFile } from '../disk/commit-file.ts'
import { lockFolder } from '../disk/folder-lock.ts'
import { parseCommitteeFile, splitAddress } from './committee-file.ts'
import { type KeygenOptions, makeCommittee } from './keygen.ts'
import { authorityOf, readSecretFile } from './secret-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drawbridge-files-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const inFolder = (name: string): string => join(folder, name)
const keygen = (more: Partial<KeygenOptions> = {}) =>
  makeCommittee({ validators: 4, folder, epoch: 7, host: '127.0.0.1', port: 9000, httpPort: 9100, ...more })
const read = (name: string): string => readFileSync(inFolder(name), 'utf8')

describe('keygen', () => {
  it('makes a committee in which every secret belongs to its member, and configs that load', () => {
    const { committee, configs } = keygen()
    const { committee: open, parameters } = parseCommitteeFile(readFileSync(committee, 'utf8'), committee)
    assert.deepEqual([open.size, open.epoch, open.quorum], [4, 7, 3])
    assert.equal(parameters.minRoundDelayMs, 50)
    for (const [index, path] of configs.entries()) {
      const config = loadConsensusConfig(path)
      assert.equal(authorityOf(open, readSecretFile(config.secret)), index)
      assert.deepEqual(config.http, { host: '127.0.0.1', port: 9100 + index })
      assert.deepEqual(config.committee.digest, loadConsensusConfig(configs[0]!).committee.digest)
    }
  })

  it('keeps secrets from others and from the public files', () => {
    keygen()
    const open = read('committee.json') + read('validator-0.toml')
    for (let index = 0; index < 4; index++) {
      const name = `validator-${index}.secret.json`
      assert.equal(statSync(inFolder(name)).mode & 0o777, 0o600)
      for (const secret of Object.values(JSON.parse(read(name)) as object)) assert.ok(!open.includes(secret))
    }
  })

  it('never overwrites, not even one file', () => {
    keygen()
    const before = read('committee.json')
    assert.throws(() => keygen(), { code: 'KEYGEN_WOULD_OVERWRITE' })
    rmSync(inFolder('committee.json'))
    assert.throws(() => keygen(), { code: 'KEYGEN_WOULD_OVERWRITE' })
    assert.ok(!existsSync(inFolder('committee.json')))
    assert.ok(before.length > 0)
    writeFileSync(inFolder('file'), '')
    assert.throws(() => keygen({ folder: inFolder('file/deeper') }), { code: 'KEYGEN_FAILED' })
  })

  it('does not print keys', () => {
    const program = new URL('../../../test/replica/program.ts', import.meta.url).pathname
    const options = ['keygen', '--validators', '2', '--dir', inFolder('new')]
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...options], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.match(stdout, /drawbridge consensus --config/)
    assert.doesNotMatch(stdout + stderr, /[0-9a-f]{32}/)
    assert.equal(readdirSync(inFolder('new')).length, 5)
  })
})

describe('the secret file', () => {
  it('must not be readable by others', () => {
    keygen()
    const path = inFolder('validator-0.secret.json')
    chmodSync(path, 0o640)
    assert.throws(() => readSecretFile(path), { code: 'SECRET_EXPOSED' })
  })

  it('is never quoted in an error', () => {
    const path = inFolder('secret')
    for (const text of [
      '{"protocolKey": "deadbeef"',
      '{"protocolKey":"deadbeef","networkKey":"deadbeef"}',
      'deadbeef',
    ]) {
      writeFileSync(path, text, { mode: 0o600 })
      assert.throws(
        () => readSecretFile(path),
        (error: Error & { code: string }) =>
          error.code === 'SECRET_INVALID' &&
          !`${error.stack} ${JSON.stringify(error)} ${error.cause}`.includes('deadbeef'),
      )
    }
    assert.throws(() => readSecretFile(inFolder('nowhere')), { code: 'SECRET_UNREADABLE' })
  })

  it('of somebody else makes nobody a member', () => {
    keygen()
    makeCommittee({ validators: 1, folder: inFolder('other'), epoch: 7, host: 'a', port: 1, httpPort: 2 })
    const { committee } = parseCommitteeFile(read('committee.json'), 'x')
    const other = readSecretFile(inFolder('other/validator-0.secret.json'))
    assert.throws(() => authorityOf(committee, other), { code: 'NOT_A_MEMBER' })
  })
})

function catching(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return String(error)
  }
  return assert.fail('nothing was refused')
}

describe('the committee file', () => {
  const change = (edit: (file: { authorities: Record<string, unknown>[]; [key: string]: unknown }) => void): string => {
    const file = JSON.parse(read('committee.json'))
    edit(file)
    return JSON.stringify(file)
  }

  it('names the place of a mistake', () => {
    keygen()
    const mistakes: [string, RegExp][] = [
      ['{', /not JSON/],
      [change((file) => Object.assign(file, { extra: 1 })), /extra/],
      [change((file) => Object.assign(file.authorities[1]!, { stake: 0 })), /authorities\.1\.stake/],
      [change((file) => Object.assign(file.authorities[2]!, { protocolKey: 'abc' })), /authorities\.2\.protocolKey/],
      [change((file) => Object.assign(file.authorities[2]!, { address: 'nowhere' })), /authorities\.2\.address/],
      [change((file) => Object.assign(file.authorities[2]!, { address: 'a:65536' })), /authorities\.2\.address/],
      [change((file) => Object.assign(file, { parameters: { minRoundDelay: 5 } })), /parameters.*minRoundDelay/],
      [
        change((file) => Object.assign(file.authorities[2]!, { networkKey: file.authorities[0]!['networkKey'] })),
        /twice/,
      ],
    ]
    for (const [text, message] of mistakes) {
      assert.throws(() => parseCommitteeFile(text, 'committee.json'), { code: 'COMMITTEE_INVALID', message })
    }
  })

  it('is refused when its limits do not fit each other, with the key, the value and what to write', () => {
    keygen()
    const committees: [object, RegExp][] = [
      [{ leadersPerRound: 5 }, /leadersPerRound: 5 .*write 4 or less/],
      [{ maxTransactionBytesPerBlock: 100_000 }, /maxTransactionBytes: 262144 .*write 100000 or less/],
      [{ maxTransactionBytes: 600_000 }, /maxTransactionBytes: 600000 .*write 524288 or less/],
      [{ maxTransactionBytesPerBlock: 20_000_000 }, /maxTransactionBytesPerBlock: 20000000 .*write \d+ or less/],
      [{ maxTransactionsPerBlock: 10_000_000 }, /maxTransactionsPerBlock: 10000000 .*write \d+ or less/],
      [{ maxTransactionsPerBlock: 100_000, transactionVoting: true }, /maxTransactionsPerBlock.*write 65536 or less/],
      [{ leaderTimeoutMs: 3_000_000_000 }, /leaderTimeoutMs/],
    ]
    for (const [parameters, message] of committees) {
      const text = change((file) => Object.assign(file, { parameters }))
      assert.throws(() => parseCommitteeFile(text, 'committee.json'), { code: 'COMMITTEE_INVALID', message })
    }
  })

  it('is taken with what the refusal said to write', () => {
    keygen()
    const parse = (parameters: object) =>
      parseCommitteeFile(
        change((file) => Object.assign(file, { parameters })),
        'x',
      )
    for (const key of ['maxTransactionBytesPerBlock', 'maxTransactionsPerBlock', 'leadersPerRound']) {
      const refusal = catching(() => parse({ [key]: 100_000_000 }))
      const most = Number(/write (\d+) or less/.exec(refusal)?.[1])
      parse({ [key]: most })
      assert.match(
        catching(() => parse({ [key]: most + 1 })),
        /or less/,
      )
    }
  })

  it('has a digest over members and parameters, not over addresses', () => {
    keygen()
    const digest = (text: string): string => Buffer.from(parseCommitteeFile(text, 'x').digest).toString('hex')
    const same = digest(read('committee.json'))
    assert.equal(digest(change((file) => Object.assign(file.authorities[0]!, { address: '10.0.0.1:1' }))), same)
    assert.notEqual(digest(change((file) => Object.assign(file, { epoch: 8 }))), same)
    assert.notEqual(digest(change((file) => Object.assign(file, { parameters: { gcDepth: 61 } }))), same)
    assert.deepEqual(splitAddress('[::1]:80'), { host: '::1', port: 80 })
  })
})

describe("a validator's config", () => {
  it('is refused with the place of the mistake', () => {
    keygen()
    const text = read('validator-0.toml')
    const mistakes: [string, RegExp][] = [
      [`${text}\nextra = 1`, /extra/],
      [text.replace('http = "127.0.0.1:9100"', 'http = "nowhere"'), /http/],
      [text.replace(/secret = .*/, ''), /secret/],
      [`${text}\n[limits]\nretainBytes = 0`, /limits\.retainBytes/],
      [
        `${text}\n[limits]\nmaxQueuedTransactionBytes = 1000`,
        /limits\.maxQueuedTransactionBytes: 1000 .*write 262144 or more/,
      ],
      ['=', /not TOML in line 1/],
    ]
    for (const [mistake, message] of mistakes) {
      writeFileSync(inFolder('wrong.toml'), mistake)
      assert.throws(() => loadConsensusConfig(inFolder('wrong.toml')), { code: 'CONFIG_INVALID', message })
    }
    assert.throws(() => loadConsensusConfig(inFolder('nowhere.toml')), { code: 'CONFIG_UNREADABLE' })
  })
})

describe('the file of commits', () => {
  const { delivered } = makeChains(20)[0]
  const domain = Buffer.alloc(32, 1)
  const fail = (error: Error): void => assert.fail(error)
  const path = (): string => inFolder('deep/commits.jsonl')

  async function write(from: number, to: number): Promise<void> {
    const file = new CommitFile(path(), domain, fail)
    assert.equal(file.cursor(), from - 1)
    const range = delivered.slice(from - 1, to)
    await Promise.all(range.map((subDag) => new Promise<void>((done) => file.deliver(subDag, done))))
    await new Promise<void>((done) => file.close(done))
  }

  it('holds a line for each commit, and goes on where it ended', async () => {
    await write(1, 5)
    await write(6, 10)
    const lines = readFileSync(path(), 'utf8').trim().split('\n')
    const parsed = lines.map((line) => JSON.parse(line) as { index: number; digest: string; transactions: string[] })
    assert.deepEqual(
      parsed.map(({ index, digest }) => ({ index, digest })),
      delivered.slice(0, 10).map(({ commitRef }) => ({ ...commitRef })),
    )
    const count = delivered
      .slice(0, 10)
      .reduce((sum, { blocks }) => sum + blocks.reduce((n, { block }) => n + block.transactions.length, 0), 0)
    assert.equal(parsed.flatMap(({ transactions }) => transactions).length, count)
    assert.match(parsed.at(-1)!.transactions[0]!, /^[0-9a-f]{64}$/)
  })

  it('cuts a torn line, also the only one, and a very long one', async () => {
    await write(1, 3)
    appendFileSync(path(), '{"index":4,"dig')
    await write(4, 4)
    const size = statSync(path()).size
    appendFileSync(path(), `{"index":5,"transactions":["${'0'.repeat(300_000)}`)
    const file = new CommitFile(path(), domain, fail)
    assert.equal(file.cursor(), 4)
    assert.equal(statSync(path()).size, size)
    await new Promise<void>((done) => file.close(done))
    writeFileSync(path(), '{"index":1')
    await write(1, 1)
  })

  it('is not continued by another committee, whose commits have the same numbers', async () => {
    await write(1, 3)
    appendFileSync(path(), '{"index":4,"dig')
    const before = readFileSync(path(), 'utf8')
    const other = Buffer.alloc(32, 2)
    assert.throws(() => new CommitFile(path(), other, fail), { code: 'COMMITS_OF_ANOTHER_COMMITTEE' })
    assert.equal(readFileSync(path(), 'utf8'), before, 'and nothing in it is touched')
    await write(4, 6)
    const named = readFileSync(path(), 'utf8')
      .split('\n')
      .map((line) => line.startsWith('{"committee":"0101'))
    assert.deepEqual(named, [true, false, false, false, false, false, false])
  })

  it('goes on without a name where an earlier version wrote it, and tells which commit it holds', async () => {
    const { commitRef } = delivered[0]!
    writeFileSync(inFolder('old'), `${JSON.stringify(commitRef)}\n`)
    const file = new CommitFile(inFolder('old'), domain, fail)
    assert.deepEqual([file.cursor(), file.cursorDigest()], [1, commitRef.digest])
    await new Promise<void>((done) => file.close(done))
  })

  it('leaves out what a quorum rejected', async () => {
    const [first] = delivered
    const block = first!.blocks.find(({ block }) => block.transactions.length > 0)!
    const subDag = { ...first!, rejectedTransactions: [{ block: block.ref, rejects: [0] }] }
    const file = new CommitFile(path(), domain, fail)
    await new Promise<void>((done) => file.deliver(subDag, done))
    await new Promise<void>((done) => file.close(done))
    const all = first!.blocks.reduce((sum, { block }) => sum + block.transactions.length, 0)
    assert.equal((JSON.parse(readFileSync(path(), 'utf8')) as { transactions: string[] }).transactions.length, all - 1)
  })

  it('refuses a file that is something else', () => {
    writeFileSync(inFolder('other'), 'something else\n')
    assert.throws(() => new CommitFile(inFolder('other'), domain, fail), { code: 'COMMITS_UNREADABLE' })
    assert.equal(read('other'), 'something else\n')
  })
})

describe("the lock of a validator's folder", () => {
  it('keeps a second one out until the first is gone', () => {
    const unlock = lockFolder(folder)
    assert.throws(() => lockFolder(folder), { code: 'FOLDER_IN_USE' })
    unlock()
    lockFolder(folder)()
  })

  it('says what is wrong with a folder that cannot be used', () => {
    writeFileSync(inFolder('file'), '')
    assert.throws(() => lockFolder(inFolder('file/below')), { code: 'FOLDER_UNUSABLE', message: /ENOTDIR/ })
  })

  it('is taken over from a process that died, even when its number lives on', () => {
    writeFileSync(inFolder('lock'), '999999999 1')
    lockFolder(folder)()
    writeFileSync(inFolder('lock'), `${process.pid} 1`)
    lockFolder(folder)()
    writeFileSync(inFolder('lock'), 'rubbish')
    lockFolder(folder)()
  })
})
