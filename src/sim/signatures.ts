import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { SignedBlock } from '../consensus/types.ts'
import type { Verifier } from '../replica/seams.ts'

/**
 * How a simulated committee signs. `ed25519` is what validators really do; `hash` is a keyed hash that anyone could
 * forge, and that no author of a simulation does: it makes thousands of runs affordable.
 */
export type SignatureKind = 'ed25519' | 'hash'

/** The keys of a simulated committee, the same for the same seed. */
export interface Signatures {
  /** The 32 public bytes of a validator's protocol key. */
  publicKey(validator: number): Uint8Array
  sign(validator: number, signingRoot: Uint8Array): Uint8Array
  readonly verifier: Verifier
}

const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiBytes = 12

/** Verdicts that are remembered; a block is checked by every validator within a few rounds of its making. */
const keptVerdicts = 8192

/** Makes the keys of `validators` validators from a seed. */
export function createSignatures(kind: SignatureKind, seed: number, validators: number): Signatures {
  return kind === 'hash' ? hashSignatures(seed, validators) : ed25519Signatures(seed, validators)
}

function ed25519Signatures(seed: number, validators: number): Signatures {
  const secrets = Array.from({ length: validators }, (_, validator) => privateKey(secretBytes(seed, validator)))
  const open = secrets.map((key) => createPublicKey(key))
  return {
    publicKey: (validator) => open[validator]!.export({ format: 'der', type: 'spki' }).subarray(spkiBytes),
    sign: (validator, root) => sign(null, root, secrets[validator]!),
    verifier: rememberingVerifier((author, block) => {
      const key = open[author]
      return key !== undefined && verify(null, block.signingRoot, key, block.signature)
    }),
  }
}

function hashSignatures(seed: number, validators: number): Signatures {
  const keys = Array.from({ length: validators }, (_, validator) => secretBytes(seed, validator))
  const tag = (key: Uint8Array, root: Uint8Array): Buffer => createHash('sha512').update(key).update(root).digest()
  return {
    publicKey: (validator) => keys[validator]!,
    sign: (validator, root) => tag(keys[validator]!, root),
    verifier: rememberingVerifier((author, block) => {
      const key = keys[author]
      return key !== undefined && tag(key, block.signingRoot).equals(block.signature)
    }),
  }
}

// All validators of a run share the verdicts: a digest covers the signed bytes and the signature, so the answer is the
// same for each, and n − 1 of n checks are saved.
function rememberingVerifier(check: (author: number, block: SignedBlock) => boolean): Verifier {
  const verdicts = new Map<string, boolean>()
  const verdict = (block: SignedBlock): boolean => {
    const { digest, author } = block.ref
    const known = verdicts.get(digest)
    if (known !== undefined) return known
    const valid = check(author, block)
    if (verdicts.size >= keptVerdicts) verdicts.delete(verdicts.keys().next().value!)
    verdicts.set(digest, valid)
    return valid
  }
  return { verify: (blocks, done) => done(blocks.map(verdict)) }
}

function secretBytes(seed: number, validator: number): Buffer {
  return createHash('sha256').update(`drawbridge simulation ${seed} validator ${validator}`).digest()
}

function privateKey(bytes: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8, bytes]), format: 'der', type: 'pkcs8' })
}
