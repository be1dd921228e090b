import type { ConsensusParameters } from '../../consensus/parameters.ts'
import { blockOverhead, maxBlockBytes, maxFrameBytes } from '../block-limits.ts'

/** What a message adds to a block, rounded up. */
const messageBytes = 64
/** Positions of transactions in votes are numbers of 16 bits. */
const mostVotedTransactions = 65_536

/**
 * What does not fit together in a committee's parameters although each is allowed: key, value, and what to write. Such a
 * committee would start, and stand still at the first transaction or block that is too large.
 */
export function limitFault(size: number, parameters: ConsensusParameters): string | undefined {
  return (
    tooManyLeaders(size, parameters) ??
    tooManyTransactions(size, parameters) ??
    transactionLargerThanBlock(parameters) ??
    blockLargerThanFrame(size, parameters)
  )
}

function tooManyLeaders(size: number, { leadersPerRound }: ConsensusParameters): string | undefined {
  if (leadersPerRound <= size) return undefined
  return `parameters.leadersPerRound: ${leadersPerRound} is more than there are validators; write ${size} or less`
}

function tooManyTransactions(size: number, parameters: ConsensusParameters): string | undefined {
  const { maxTransactionsPerBlock, transactionVoting } = parameters
  const others = blockOverhead(size, { ...parameters, maxTransactionsPerBlock: 0 })
  const fitting = Math.floor((maxFrameBytes / 2 - others) / 4)
  const most = transactionVoting ? Math.min(fitting, mostVotedTransactions) : fitting
  if (maxTransactionsPerBlock <= most) return undefined
  const why = fitting > most ? 'than votes can tell apart' : 'than a message between validators can list'
  return `parameters.maxTransactionsPerBlock: ${maxTransactionsPerBlock} is more ${why}; write ${most} or less`
}

function transactionLargerThanBlock(parameters: ConsensusParameters): string | undefined {
  const { maxTransactionBytes, maxTransactionBytesPerBlock: most } = parameters
  if (maxTransactionBytes <= most) return undefined
  const value = `parameters.maxTransactionBytes: ${maxTransactionBytes}`
  return `${value} is more than a block takes (parameters.maxTransactionBytesPerBlock); write ${most} or less`
}

function blockLargerThanFrame(size: number, parameters: ConsensusParameters): string | undefined {
  const excess = maxBlockBytes({ size }, parameters) + messageBytes - maxFrameBytes
  if (excess <= 0) return undefined
  const { maxTransactionBytesPerBlock: given } = parameters
  const value = `parameters.maxTransactionBytesPerBlock: ${given}`
  return `${value} makes blocks larger than a message between validators; write ${given - excess} or less`
}
