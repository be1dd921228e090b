import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { blockLimits } from './block-limits.ts'
import type { Committee } from './committee.ts'
import { genesisBlocks } from './genesis.ts'
import type { ConsensusParameters } from './parameters.ts'
import type { BlockRef, DagBlock, RefusalReason, SignedBlock, TransactionVote } from './types.ts'

type Verdict = RefusalReason | undefined

/**
 * Checks a block against every rule that needs no other block, except its signature.
 *
 * @returns the first broken rule, or undefined
 */
export function verifyBlock(committee: Committee, parameters: ConsensusParameters, { block }: SignedBlock): Verdict {
  if (block.epoch !== committee.epoch) return 'wrongEpoch'
  if (block.author >= committee.size) return 'unknownAuthor'
  if (block.round === 0) return 'genesisRound'
  return (
    verifyAncestors(committee, block) ??
    verifyTransactions(parameters, block) ??
    verifyCommitVotes(parameters, block) ??
    verifyTransactionVotes(committee, parameters, block)
  )
}

function verifyAncestors(committee: Committee, { round, author, ancestors }: DagBlock): Verdict {
  if (ancestors.length === 0) return 'noAncestors'
  if (ancestors.length > committee.size) return 'tooManyAncestors'
  if (ancestors[0]?.author !== author) return 'ownAncestorNotFirst'
  const seen = new Set<number>()
  let stake = 0
  for (const ancestor of ancestors) {
    const fault = verifyAncestor(committee, round, ancestor)
    if (fault !== undefined) return fault
    if (seen.has(ancestor.author)) return ancestor.author === author ? 'ownAncestorNotFirst' : 'ancestorRepeated'
    seen.add(ancestor.author)
    if (ancestor.round === round - 1) stake += committee.stake(ancestor.author)
  }
  return stake < committee.quorum ? 'noParentQuorum' : undefined
}

function verifyAncestor(committee: Committee, round: number, ancestor: BlockRef): Verdict {
  if (ancestor.author >= committee.size) return 'ancestorUnknownAuthor'
  if (ancestor.round >= round) return 'ancestorNotOlder'
  if (ancestor.round > 0) return undefined
  return genesisBlocks(committee)[ancestor.author]?.ref.digest === ancestor.digest ? undefined : 'wrongGenesis'
}

function verifyTransactions(parameters: ConsensusParameters, { transactions }: DagBlock): Verdict {
  if (transactions.length > parameters.maxTransactionsPerBlock) return 'tooManyTransactions'
  if (transactions.longest > parameters.maxTransactionBytes) return 'transactionTooLarge'
  return transactions.byteLength > parameters.maxTransactionBytesPerBlock ? 'transactionsTooLarge' : undefined
}

function verifyCommitVotes(parameters: ConsensusParameters, { commitVotes }: DagBlock): Verdict {
  if (commitVotes.length > parameters.maxCommitVotesPerBlock) return 'tooManyCommitVotes'
  return commitVotes.some(({ index }) => index === 0) ? 'badCommitVote' : undefined
}

function verifyTransactionVotes(committee: Committee, parameters: ConsensusParameters, block: DagBlock): Verdict {
  const votes = block.transactionVotes
  if (votes.length === 0) return undefined
  const limits = blockLimits(committee, parameters)
  const rejects = votes.reduce((sum, vote) => sum + vote.rejects.length, 0)
  if (votes.length > limits.transactionVotes || rejects > limits.rejects) return 'badTransactionVote'
  const isSound = (vote: TransactionVote): boolean => isSoundVote(committee, parameters, block, vote)
  return votes.every(isSound) ? undefined : 'badTransactionVote'
}

function isSoundVote(
  committee: Committee,
  { maxTransactionsPerBlock }: ConsensusParameters,
  voter: DagBlock,
  { block, rejects }: TransactionVote,
): boolean {
  if (block.round >= voter.round || block.author >= committee.size || rejects.length === 0) return false
  if ((rejects.at(-1) ?? 0) >= maxTransactionsPerBlock) return false
  return rejects.every((position, at) => at === 0 || position > (rejects[at - 1] ?? 0))
}

const keys = new WeakMap<Committee, readonly KeyObject[]>()

/** The committee's protocol keys as Node wants them, by authority. */
export function protocolKeys(committee: Committee): readonly KeyObject[] {
  const known = keys.get(committee)
  if (known !== undefined) return known
  const made = committee.authorities.map(({ protocolKey }) => {
    const x = Buffer.from(protocolKey).toString('base64url')
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  })
  keys.set(committee, made)
  return made
}

/** Whether the author signed the block. Needs its signing root, signature and author, nothing else of it. */
export function verifySignature(
  committee: Committee,
  { ref, signingRoot, signature }: Pick<SignedBlock, 'ref' | 'signingRoot' | 'signature'>,
): boolean {
  const key = protocolKeys(committee)[ref.author]
  return key !== undefined && verify(null, signingRoot, key, signature)
}
