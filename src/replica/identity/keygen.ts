import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DrawbridgeError } from '../../core/errors.ts'
import { newPrivateKey, privateKeyFrom, publicBytesOf } from './keys.ts'

/** What a committee should look like. */
export interface KeygenOptions {
  readonly validators: number
  /** Folder for the files; made when missing. */
  readonly folder: string
  readonly epoch: number
  /** All validators listen here, for peers from `port` up, for users from `httpPort` up. */
  readonly host: string
  readonly port: number
  readonly httpPort: number
  /** Share of each in the votes; 1 when absent. */
  readonly stakes?: readonly number[] | undefined
}

/** Where the files of a new committee are. */
export interface KeygenResult {
  readonly committee: string
  readonly configs: readonly string[]
}

interface NewFile {
  readonly path: string
  readonly text: string
  readonly mode: number
}

/**
 * Makes keys for a committee: `committee.json` for everybody, and for each validator `validator-N.toml` and
 * `validator-N.secret.json` (mode 0600). Nothing that exists is overwritten: a lost key cannot be made again.
 *
 * @throws DrawbridgeError `KEYGEN_WOULD_OVERWRITE`, `KEYGEN_FAILED`
 */
export function makeCommittee(options: KeygenOptions): KeygenResult {
  const { folder, validators } = options
  const members = Array.from({ length: validators }, (_, index) => newMember(options, index))
  const { epoch } = options
  const committee: NewFile = {
    path: join(folder, 'committee.json'),
    text: `${JSON.stringify({ epoch, authorities: members.map(({ open }) => open), parameters: {} }, null, 2)}\n`,
    mode: 0o644,
  }
  writeAll(folder, [committee, ...members.flatMap(({ secret, config }) => [secret, config])])
  return { committee: committee.path, configs: members.map(({ config }) => config.path) }
}

function newMember({ folder, host, port, httpPort, stakes }: KeygenOptions, index: number) {
  const name = `validator-${index}`
  const protocolKey = newPrivateKey()
  const networkKey = newPrivateKey()
  const secrets = { protocolKey: hex(protocolKey), networkKey: hex(networkKey) }
  return {
    open: {
      name,
      stake: stakes?.[index] ?? 1,
      protocolKey: publicHex(protocolKey),
      networkKey: publicHex(networkKey),
      address: `${bracketed(host)}:${port + index}`,
    },
    secret: { path: join(folder, `${name}.secret.json`), text: `${JSON.stringify(secrets)}\n`, mode: 0o600 },
    config: { path: join(folder, `${name}.toml`), text: configText(name, httpPort + index), mode: 0o644 },
  }
}

function configText(name: string, httpPort: number): string {
  return [
    `# ${name}: run it with \`drawbridge consensus --config ${name}.toml\`. Paths are relative to this file.`,
    'committee = "committee.json"',
    `secret = "${name}.secret.json"`,
    `dir = "${name}"`,
    `http = "127.0.0.1:${httpPort}"`,
    '',
  ].join('\n')
}

function writeAll(folder: string, files: readonly NewFile[]): void {
  const taken = files.find(({ path }) => existsSync(path))
  if (taken !== undefined) throw wouldOverwrite(taken.path)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const { path, text, mode } of files) writeFileSync(path, text, { mode, flag: 'wx' })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw wouldOverwrite(folder)
    throw new DrawbridgeError('KEYGEN_FAILED', `The files of the committee cannot be written to ${folder}.`, {
      nextStep: 'Give a folder that this user may write to, with --dir.',
      cause,
    })
  }
}

function wouldOverwrite(path: string): DrawbridgeError {
  return new DrawbridgeError('KEYGEN_WOULD_OVERWRITE', `${path} exists already, and keys are never overwritten.`, {
    nextStep: 'Give another folder with --dir.',
  })
}

function publicHex(privateKey: Uint8Array): string {
  return hex(publicBytesOf(privateKeyFrom(privateKey)) ?? new Uint8Array(0))
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
