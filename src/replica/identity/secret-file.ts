import type { KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import type { Committee } from '../../consensus/committee.ts'
import type { AuthorityIndex } from '../../consensus/types.ts'
import { DrawbridgeError } from '../../core/errors.ts'
import { privateKeyFrom, publicBytesOf } from './keys.ts'

const key = z.string().regex(/^[0-9a-f]{64}$/)
const secretFile = z.strictObject({ protocolKey: key, networkKey: key })

/** The private keys of one validator. */
export interface Secrets {
  readonly protocolKey: KeyObject
  readonly networkKey: KeyObject
}

/**
 * Reads the secret file of a validator. What it holds never shows up in an error.
 * @throws DrawbridgeError `SECRET_UNREADABLE`, `SECRET_INVALID`; `SECRET_EXPOSED` when others may read the file.
 */
export function readSecretFile(path: string): Secrets {
  const text = readPrivately(path)
  const parsed = secretFile.safeParse(parseQuietly(text))
  if (!parsed.success) {
    throw new DrawbridgeError('SECRET_INVALID', `The secret file ${path} does not hold the two keys of a validator.`, {
      nextStep: 'Use the file as `drawbridge keygen` made it.',
    })
  }
  const { protocolKey, networkKey } = parsed.data
  return {
    protocolKey: privateKeyFrom(Buffer.from(protocolKey, 'hex')),
    networkKey: privateKeyFrom(Buffer.from(networkKey, 'hex')),
  }
}

/**
 * Which member of the committee the keys belong to.
 * @throws DrawbridgeError `NOT_A_MEMBER`
 */
export function authorityOf(committee: Committee, { protocolKey, networkKey }: Secrets): AuthorityIndex {
  const protocol = Buffer.from(publicBytesOf(protocolKey) ?? [])
  const network = Buffer.from(publicBytesOf(networkKey) ?? [])
  const index = committee.authorities.findIndex((one) => protocol.equals(one.protocolKey))
  const member = committee.authorities[index]
  if (member !== undefined && network.equals(member.networkKey)) return index
  throw new DrawbridgeError('NOT_A_MEMBER', 'The keys in the secret file belong to no validator of the committee.', {
    nextStep: 'Check that the secret file and the committee file were made together.',
  })
}

function readPrivately(path: string): string {
  try {
    // On Windows the mode says nothing about who may read.
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) throw exposed(path)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof DrawbridgeError) throw cause
    throw new DrawbridgeError('SECRET_UNREADABLE', `The secret file ${path} cannot be read.`, {
      nextStep: 'Check the path "secret" in the config, and that this user owns the file.',
      cause,
    })
  }
}

function exposed(path: string): DrawbridgeError {
  return new DrawbridgeError('SECRET_EXPOSED', `Others than its owner may use the secret file ${path}.`, {
    nextStep: `Run: chmod 600 ${path}`,
  })
}

/** The parser's own error would quote the text. */
function parseQuietly(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
