import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Committee, createCommittee } from '../../consensus/committee.ts'
import { type ConsensusParameters, defaultParameters } from '../../consensus/parameters.ts'
import { DrawbridgeError } from '../../core/errors.ts'
import { limitFault } from './cross-limits.ts'

const key = z
  .string()
  .regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits')
  .transform((hex): Uint8Array => Buffer.from(hex, 'hex'))
/** `host:port` or `[v6]:port`, with a port that exists. */
export const addressText = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/, 'host:port')
  .refine((text) => splitAddress(text).port <= 65_535, 'a port up to 65535')
const count = (min: number) => z.int().min(min)
/** Longer waits are mistakes, and timers end at 24 days. */
const longestMs = 3_600_000

/** Parameters that the whole committee shares; each has a default. */
const parameters = z.strictObject({
  minRoundDelayMs: count(0).max(longestMs).optional(),
  leaderTimeoutMs: count(1).max(longestMs).optional(),
  leadersPerRound: count(1).optional(),
  gcDepth: count(10).optional(),
  commitsPerSchedule: count(0).optional(),
  swapStakePercent: count(0).max(33).optional(),
  maxTransactionBytes: count(1).optional(),
  maxTransactionsPerBlock: count(1).optional(),
  maxTransactionBytesPerBlock: count(1).optional(),
  transactionVoting: z.boolean().optional(),
})

const authority = z.strictObject({
  name: z.string().min(1).max(64),
  stake: count(1),
  protocolKey: key,
  networkKey: key,
  address: addressText,
})

const committeeFile = z.strictObject({
  epoch: count(0),
  authorities: z.array(authority).min(1),
  parameters: parameters.default({}),
})

/** What the public file of a committee says. */
export interface CommitteeFile {
  readonly committee: Committee
  readonly parameters: ConsensusParameters
  /** 32 bytes over all of it: validators with different files do not talk to each other. */
  readonly digest: Uint8Array
}

/**
 * Reads the JSON of a committee's public file.
 * @param source named in errors
 * @throws DrawbridgeError `COMMITTEE_INVALID` with the place of the first mistake, or of limits that do not fit each other; `BAD_COMMITTEE`.
 */
export function parseCommitteeFile(text: string, source: string): CommitteeFile {
  const parsed = committeeFile.safeParse(jsonOf(text, source))
  if (!parsed.success) throw invalid(source, explainIssue(parsed.error))
  const { epoch, authorities, parameters: given } = parsed.data
  requireDistinctKeys(authorities, source)
  const committee = createCommittee(epoch, authorities)
  const all: ConsensusParameters = { ...defaultParameters, ...withoutUndefined(given) }
  const fault = limitFault(committee.size, all)
  if (fault !== undefined) throw invalid(source, fault)
  return { committee, parameters: all, digest: digestOf(committee, all) }
}

/** Host and port of an authority's address. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}

/** The first mistake of a file, with its place. */
export function explainIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  return `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'unreadable'}`
}

function jsonOf(text: string, source: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw invalid(source, 'it is not JSON', cause)
  }
}

/** One key in two places would let one process speak for two validators. */
function requireDistinctKeys(
  authorities: readonly { readonly name: string; readonly protocolKey: Uint8Array; readonly networkKey: Uint8Array }[],
  source: string,
): void {
  const seen = new Set<string>()
  for (const { name, protocolKey, networkKey } of authorities) {
    for (const bytes of [protocolKey, networkKey]) {
      const hex = Buffer.from(bytes).toString('hex')
      if (seen.has(hex)) throw invalid(source, `a key of ${name} is used twice`)
      seen.add(hex)
    }
  }
}

function withoutUndefined<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]: NonNullable<Fields[Name]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

function digestOf({ domain }: Committee, all: ConsensusParameters): Uint8Array {
  const names = Object.keys(all).sort() as (keyof ConsensusParameters)[]
  const text = JSON.stringify(names.map((name) => [name, all[name]]))
  return createHash('sha256').update(domain).update(text).digest()
}

function invalid(source: string, what: string, cause?: unknown): DrawbridgeError {
  return new DrawbridgeError('COMMITTEE_INVALID', `The committee file ${source} does not fit: ${what}.`, {
    nextStep: 'All validators need the same file, as `drawbridge keygen` made it.',
    cause,
  })
}
