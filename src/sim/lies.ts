import type { Committee } from '../consensus/committee.ts'
import type { DagBlock } from '../consensus/types.ts'
import type { Random } from '../core/random.ts'
import {
  encodeBlockRefs,
  encodeCommitsReply,
  encodeLatestRounds,
  encodeList,
  type Message,
  method,
  replyFrame,
} from '../replica/peers/messages.ts'
import type { HostileBlocks } from './hostile-blocks.ts'

/** What a liar works with. */
export interface LieSeams {
  readonly committee: Committee
  readonly random: Random
  readonly blocks: HostileBlocks
  /** The liar's newest honest block. */
  readonly last: DagBlock
}

const itemsOfNothing = 2000
const inventedRefs = 200
const farRound = 4_000_000_000

/** An answer that is not true: nothing many times over, what nobody asked for, or what nobody has. */
export function lieTo({ id, method: asked }: Message & { type: 'request' }, seams: LieSeams): Uint8Array {
  return replyFrame(id, lies[asked](seams))
}

const lies = {
  [method.fetchBlocks]: (seams: LieSeams) => oneOf(seams, [nothings, unasked, noise]),
  [method.latestBlocks]: (seams: LieSeams) => oneOf(seams, [nothings, unasked, noise]),
  [method.fetchCommits]: (seams: LieSeams) => oneOf(seams, [emptyCommits, noise]),
  [method.commitVoters]: (seams: LieSeams) => oneOf(seams, [nothings, unasked, noise]),
  [method.latestRounds]: (seams: LieSeams) => oneOf(seams, [farRounds, noise]),
  [method.heldBlocks]: (seams: LieSeams) => oneOf(seams, [invented, noise]),
} as const

function oneOf(seams: LieSeams, choices: readonly ((seams: LieSeams) => Uint8Array)[]): Uint8Array {
  return choices[seams.random.int(choices.length)]!(seams)
}

function nothings(): Uint8Array {
  return Buffer.alloc(4 * itemsOfNothing)
}

function unasked({ blocks, last }: LieSeams): Uint8Array {
  return encodeList(Array.from({ length: 20 }, () => blocks.dangling(last).bytes))
}

function noise({ random }: LieSeams): Uint8Array {
  return random.bytes(random.int(400))
}

function emptyCommits(): Uint8Array {
  const none = Array.from({ length: itemsOfNothing }, () => new Uint8Array(0))
  return encodeCommitsReply({ commits: none, voters: none })
}

function farRounds({ committee }: LieSeams): Uint8Array {
  const rounds = new Array<number>(committee.size).fill(farRound)
  return encodeLatestRounds({ received: rounds, accepted: rounds })
}

function invented({ random, committee, last }: LieSeams): Uint8Array {
  const ref = () => ({
    round: Math.max(1, last.round - random.int(10)),
    author: random.int(committee.size),
    digest: random.bytes(32).toString('hex'),
  })
  return encodeBlockRefs(Array.from({ length: inventedRefs }, ref))
}
