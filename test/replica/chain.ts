import { createPrivateKey, sign } from 'node:crypto'
import { createCommittee } from '../../src/consensus/committee.ts'
import { type ConsensusState, createConsensus, step } from '../../src/consensus/consensus.ts'
import { type ConsensusParameters, defaultParameters } from '../../src/consensus/parameters.ts'
import type {
  CommittedSubDag,
  ConsensusEffect,
  ConsensusEvent,
  ConsensusSeams,
  LogRecord,
  SignedBlock,
} from '../../src/consensus/types.ts'
import { privateKeyFrom, publicBytesOf } from '../../src/replica/identity/keys.ts'

const size = 4
const keys = Array.from({ length: 2 * size }, (_, n) => privateKeyFrom(Buffer.alloc(32, n + 1)))

/** A committee of four whose keys are known to all tests. */
export const committee = createCommittee(
  0,
  Array.from({ length: size }, (_, n) => ({
    name: `validator-${n}`,
    stake: 1,
    protocolKey: publicBytesOf(keys[n]!)!,
    networkKey: publicBytesOf(keys[size + n]!)!,
    address: '',
  })),
)

/** What one validator has written and delivered. */
export interface Chain {
  readonly state: ConsensusState
  readonly seams: ConsensusSeams
  readonly records: LogRecord[]
  readonly delivered: CommittedSubDag[]
}

/** Signs as authority `own`. */
export const signAs =
  (own: number) =>
  (root: Uint8Array): Uint8Array =>
    sign(null, root, createPrivateKey(keys[own]!.export({ format: 'pem', type: 'pkcs8' })))

/** Runs four step machines in lockstep for a number of rounds, each block with one transaction of `bytes` bytes. */
export function makeChains(
  rounds: number,
  parameters: Partial<ConsensusParameters> = {},
  bytes = 20,
): readonly [Chain, Chain, Chain, Chain] {
  const chains = Array.from({ length: size }, (_, own): Chain => {
    let made = 0
    const transactions = { take: () => [Buffer.alloc(bytes, `${own} ${made++} `)] }
    const all = { ...defaultParameters, minRoundDelayMs: 0, ...parameters }
    const seams: ConsensusSeams = { committee, own, parameters: all, sign: signAs(own), transactions }
    return { seams, state: createConsensus(seams), records: [], delivered: [] }
  })
  let now = 1_700_000_000_000
  let waiting: SignedBlock[] = []
  const happen = (chain: Chain, event: ConsensusEvent): void => {
    for (const effect of step(chain.state, event, now)) keep(chain, effect, waiting)
  }
  for (const chain of chains) {
    happen(chain, { type: 'ownLastRoundLearned', round: 0 })
    happen(chain, { type: 'subscribers', count: 3 })
  }
  for (let round = 0; round < rounds; round++) {
    const blocks = waiting
    waiting = []
    now += 10
    for (const chain of chains) {
      happen(chain, { type: 'blocks', from: 0, blocks: blocks.filter(({ ref }) => ref.author !== chain.seams.own) })
    }
  }
  return chains as [Chain, Chain, Chain, Chain]
}

function keep(chain: Chain, effect: ConsensusEffect, waiting: SignedBlock[]): void {
  if (effect.type === 'persist') chain.records.push(...effect.records)
  if (effect.type === 'broadcast') waiting.push(effect.block)
  if (effect.type === 'deliver') chain.delivered.push(effect.subDag)
}
