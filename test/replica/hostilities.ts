import { randomBytes } from 'node:crypto'
import type { BlockRef } from '../../src/consensus/types.ts'
import {
  encodeFetchBlocks,
  encodeList,
  type Message,
  method,
  replyFrame,
  requestFrame,
} from '../../src/replica/peers/messages.ts'
import type { HostileMember } from './hostile-member.ts'

/** What a hostile member sends. */
export interface Attack {
  /** The `n`-th block of this moment for a peer that hears our blocks; undefined when it is enough for now. */
  stream?(n: number, peer: number): Uint8Array | undefined
  /** The `n`-th frame of this moment on a link that we dialled. */
  ask?(n: number): Uint8Array | undefined
  /** The frame that answers a question; a refusal when absent. */
  answer?(request: Message & { type: 'request' }): Uint8Array | undefined
  /** Reads nothing on the links that it dialled. */
  readonly deaf?: boolean
}

/** References to blocks of the others that a lawful block of ours needs, and ours before them. */
function parents(member: HostileMember, own: BlockRef = member.genesis): readonly BlockRef[] {
  return [own, ...member.heard(member.round).map(({ ref }) => ref)]
}

/** A block on top of what is there, of which one ancestor was never made. */
function dangling(member: HostileMember, transactions: readonly Uint8Array[] = []): Uint8Array | undefined {
  const { round } = member
  if (round < 2) return undefined
  return member.seal({
    round: round + 1,
    ancestors: parents(member, member.invented(round, member.own)),
    transactions,
  }).bytes
}

const half = Buffer.alloc(250_000, 7)

/** One way to do harm each. All but the malformed ones keep the letter of the protocol. */
export const attacks = {
  /** Lawful blocks of the far future, with ancestors that nobody has. */
  starve: (member: HostileMember): Attack => ({
    stream: (n) => {
      const round = 4_000_000_000 + n
      const authors = [member.own, ...[0, 1, 2, 3].filter((author) => author !== member.own)]
      const ancestors = authors.map((author) => member.invented(round - 1, author))
      return n < 50 ? member.seal({ round, ancestors }).bytes : undefined
    },
  }),

  /** Shows gaps, and answers the questions for them with millions of empty items. */
  lie: (member: HostileMember): Attack => {
    const nothing = Buffer.alloc(15 * 1024 * 1024)
    return {
      stream: (n) => (n < 5 ? dangling(member) : undefined),
      answer: (request) => (request.method === method.latestRounds ? undefined : replyFrame(request.id, nothing)),
    }
  },

  /** Answers with lawful blocks that nobody asked for. */
  stuff: (member: HostileMember): Attack => ({
    stream: (n) => (n < 5 ? dangling(member) : undefined),
    answer: ({ id, method: asked }) => {
      if (asked !== method.fetchBlocks || member.round < 2) return undefined
      const one = dangling(member, [half])!
      return replyFrame(id, encodeList(Array.from({ length: 50 }, () => one)))
    },
  }),

  /** Frames that are no blocks. */
  flood: (): Attack => ({ stream: () => new Uint8Array(0) }),

  /** Blocks that are signed with nothing. */
  forge: (member: HostileMember): Attack => ({
    stream: () => {
      const bytes = dangling(member)
      bytes?.fill(0, 4, 68)
      return bytes
    },
  }),

  /** Blocks of many megabytes of votes. */
  bloat: (member: HostileMember): Attack => {
    const rejects = Array.from({ length: 30_000 }, (_, at) => at)
    return {
      stream: (n) => {
        const { round } = member
        if (n > 0 || round < 2) return undefined
        const vote = { block: member.heard(round)[0]!.ref, rejects }
        const transactionVotes = Array.from({ length: 150 }, () => vote)
        return member.seal({ round: round + 1, ancestors: parents(member), transactionVotes }).bytes
      },
    }
  },

  /** Blocks whose own parent lies where one peer has collected and the others may not have. */
  trust: (member: HostileMember): Attack => ({
    stream: (n, peer) => {
      const { round, gcDepth } = member
      if (round < gcDepth + 10 || n > 3 || peer !== round % 3) return undefined
      return member.seal({
        round: round + 1,
        ancestors: parents(member, member.invented(round - gcDepth - 6 + n * 3, member.own)),
      }).bytes
    },
  }),

  /** Hundreds of large blocks of one slot, some of which wait for what nobody has. */
  siblings: (member: HostileMember): Attack => ({
    stream: (n) => {
      const { round } = member
      if (round < 2 || n >= 4) return undefined
      const mark = randomBytes(16)
      if (n % 2 === 0) return dangling(member, [half, half, mark])
      return member.seal({ round: round + 1, ancestors: parents(member), transactions: [half, half, mark] }).bytes
    },
  }),

  /** Questions without end, whose answers it does not read. */
  deaf: (member: HostileMember): Attack => {
    let id = 0
    return {
      deaf: true,
      ask: (n) => {
        if (n % 2 === 0) return requestFrame(++id, method.latestRounds, new Uint8Array(0))
        const refs = member.heard(member.round).map(({ ref }) => ref)
        return requestFrame(++id, method.fetchBlocks, encodeFetchBlocks({ refs, accepted: [0, 0, 0, 0] }))
      },
    }
  },
} as const satisfies Record<string, (member: HostileMember) => Attack>

export type Hostility = keyof typeof attacks
