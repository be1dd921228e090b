import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { z } from 'zod'
import { DrawbridgeError } from '../core/errors.ts'
import {
  addressText,
  type CommitteeFile,
  explainIssue,
  parseCommitteeFile,
  splitAddress,
} from '../replica/identity/committee-file.ts'
import { defaultReplicaParameters, type ReplicaParameters } from '../replica/parameters.ts'

const address = addressText.transform(splitAddress)
const whole = z.int().min(1)

const schema = z.strictObject({
  committee: z.string(),
  secret: z.string(),
  dir: z.string(),
  listen: address.optional(),
  http: address.default({ host: '127.0.0.1', port: 9100 }),
  commits: z.string().optional(),
  limits: z
    .strictObject({
      maxQueuedTransactions: whole.optional(),
      maxQueuedTransactionBytes: whole.optional(),
      maxUnacknowledgedCommits: whole.optional(),
      retainBytes: whole.optional(),
      segmentBytes: z.int().min(65_536).optional(),
    })
    .default({}),
})

/** The settings of one validator, paths resolved. */
export interface ConsensusConfig {
  readonly committee: CommitteeFile
  readonly secret: string
  readonly dir: string
  /** Where peers are taken; the address in the committee's file when absent. */
  readonly listen: { readonly host: string; readonly port: number } | undefined
  readonly http: { readonly host: string; readonly port: number }
  readonly commits: string
  readonly replica: ReplicaParameters
}

/**
 * Reads a validator's TOML file and the committee's file it names. Paths are relative to the file.
 * @throws DrawbridgeError `CONFIG_UNREADABLE`, `CONFIG_INVALID`, `COMMITTEE_INVALID`, `BAD_COMMITTEE`.
 */
export function loadConsensusConfig(path: string): ConsensusConfig {
  const parsed = schema.safeParse(tomlOf(read(path), path))
  if (!parsed.success) throw invalid(path, explainIssue(parsed.error))
  const { committee, secret, dir, listen, http, commits, limits } = parsed.data
  const at = (relative: string): string => resolve(dirname(path), relative)
  const file = parseCommitteeFile(read(at(committee)), at(committee))
  requireRoomForTransactions(path, limits.maxQueuedTransactionBytes, file)
  const given = Object.entries(limits).filter(([, value]) => value !== undefined)
  return {
    committee: file,
    secret: at(secret),
    dir: at(dir),
    listen,
    http,
    commits: at(commits ?? `${dir}/commits.jsonl`),
    replica: { ...defaultReplicaParameters, ...Object.fromEntries(given) },
  }
}

/** A queue smaller than a transaction that the committee allows would refuse it for ever. */
function requireRoomForTransactions(path: string, given: number | undefined, { parameters }: CommitteeFile): void {
  const { maxTransactionBytes } = parameters
  const queued = given ?? defaultReplicaParameters.maxQueuedTransactionBytes
  if (queued >= maxTransactionBytes) return
  const what = `${queued} is less than one transaction of the committee's parameters.maxTransactionBytes`
  throw invalid(path, `limits.maxQueuedTransactionBytes: ${what}; write ${maxTransactionBytes} or more`)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new DrawbridgeError('CONFIG_UNREADABLE', `The file ${path} cannot be read.`, {
      nextStep: 'Make a committee with: drawbridge keygen --validators 4 --dir DIR',
      cause,
    })
  }
}

function tomlOf(text: string, path: string): unknown {
  try {
    return parse(text)
  } catch (cause) {
    const line = cause instanceof TomlError ? ` in line ${cause.line}` : ''
    throw invalid(path, `it is not TOML${line}`, cause)
  }
}

function invalid(path: string, what: string, cause?: unknown): DrawbridgeError {
  return new DrawbridgeError('CONFIG_INVALID', `The config ${path} does not fit: ${what}.`, {
    nextStep: 'docs/consensus.md lists the keys.',
    cause,
  })
}
