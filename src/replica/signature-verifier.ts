import { verify } from 'node:crypto'
import type { Committee } from '../consensus/committee.ts'
import type { SignedBlock } from '../consensus/types.ts'
import { protocolKeys } from '../consensus/verify-block.ts'
import type { Verifier } from './seams.ts'

/** Checks signatures on the threads of Node's pool; the batch is answered when its last signature is done. */
export class ThreadVerifier implements Verifier {
  readonly #committee: Committee

  constructor(committee: Committee) {
    this.#committee = committee
  }

  verify(blocks: readonly SignedBlock[], done: (valid: readonly boolean[]) => void): void {
    const valid = blocks.map(() => false)
    let left = blocks.length
    if (left === 0) done(valid)
    blocks.forEach((block, at) => {
      this.#check(block, (sound) => {
        valid[at] = sound
        left--
        if (left === 0) done(valid)
      })
    })
  }

  #check({ ref, signingRoot, signature }: SignedBlock, done: (sound: boolean) => void): void {
    const key = protocolKeys(this.#committee)[ref.author]
    if (key === undefined) done(false)
    else verify(null, signingRoot, key, signature, (error, sound) => done(error === null && sound))
  }
}
