import { createHash } from 'node:crypto'
import { DrawbridgeError } from '../core/errors.ts'
import type { AuthorityIndex } from './types.ts'

/** One member. Keys are raw ed25519 public keys, 32 bytes. */
export interface Authority {
  readonly name: string
  readonly stake: number
  /** Signs blocks. */
  readonly protocolKey: Uint8Array
  /** Proves who is at the other end of a connection. */
  readonly networkKey: Uint8Array
  /** Where its replica listens, `host:port`; empty where no network is involved. */
  readonly address: string
}

/** The validators of one epoch with their thresholds. Make one with {@link createCommittee}. */
export interface Committee {
  readonly epoch: number
  readonly authorities: readonly Authority[]
  readonly size: number
  readonly totalStake: number
  /** ⌊2T/3⌋ + 1: two quorums share an honest member. */
  readonly quorum: number
  /** ⌈T/3⌉: at least one honest member. */
  readonly validity: number
  /** 32 bytes over epoch, stakes and keys; part of everything that is signed. */
  readonly domain: Uint8Array
  /** Stake of an authority; 0 for one that is not a member. */
  stake(author: AuthorityIndex): number
}

const maxAuthorities = 65_535
const maxStake = 2 ** 40

/** The text names the epoch's number, then every member in order. */
function domainOf(epoch: number, authorities: readonly Authority[]): Uint8Array {
  const hash = createHash('sha256').update(`drawbridge mysticeti block v1\n${epoch}\n`)
  for (const { stake, protocolKey, networkKey } of authorities) {
    hash.update(`${stake}\n`).update(protocolKey).update(networkKey)
  }
  return hash.digest()
}

function check(epoch: number, authorities: readonly Authority[]): void {
  const refuse = (text: string): never => {
    throw new DrawbridgeError('BAD_COMMITTEE', text, { nextStep: 'Make a committee with `drawbridge keygen`.' })
  }
  if (!Number.isSafeInteger(epoch) || epoch < 0) refuse(`The epoch ${epoch} is not a whole number from 0.`)
  if (authorities.length === 0) refuse('The committee has no members.')
  if (authorities.length > maxAuthorities) refuse(`The committee has more than ${maxAuthorities} members.`)
  for (const { name, stake, protocolKey, networkKey } of authorities) {
    if (!Number.isSafeInteger(stake) || stake < 1 || stake > maxStake) refuse(`The stake of ${name} is ${stake}.`)
    if (protocolKey.length !== 32 || networkKey.length !== 32) refuse(`A key of ${name} is not 32 bytes long.`)
  }
}

/**
 * Checks and freezes a committee.
 *
 * @throws DrawbridgeError `BAD_COMMITTEE`: no members, a stake below 1, or a key that is not 32 bytes long.
 * @example
 * createCommittee(0, authorities).quorum // 3 for four members of equal stake
 */
export function createCommittee(epoch: number, authorities: readonly Authority[]): Committee {
  check(epoch, authorities)
  const totalStake = authorities.reduce((sum, { stake }) => sum + stake, 0)
  const stakes = authorities.map(({ stake }) => stake)
  return {
    epoch,
    authorities,
    size: authorities.length,
    totalStake,
    quorum: Math.floor((2 * totalStake) / 3) + 1,
    validity: Math.ceil(totalStake / 3),
    domain: domainOf(epoch, authorities),
    stake: (author) => stakes[author] ?? 0,
  }
}
