import { DrawbridgeError } from '../../core/errors.ts'
import { decodeList } from '../peers/messages.ts'

/** A body that holds no transactions. */
export class MalformedTransactions extends DrawbridgeError {
  constructor(what: string) {
    super('TRANSACTIONS_MALFORMED', `The body holds no transactions: ${what}.`)
  }
}

/** Media type of many transactions, each after its length (u32, little-endian). */
export const batchType = 'application/vnd.drawbridge.transactions'
const hexString = /^(0x)?([0-9a-fA-F]{2})*$/

/**
 * The transactions of a request: the body itself, or many of them ({@link batchType}), or JSON: a hex string or an
 * array of them.
 *
 * @throws MalformedTransactions
 */
export function transactionsIn(body: Buffer, contentType: string): readonly Uint8Array[] {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase()
  const found = type === 'application/json' ? fromJson(body) : type === batchType ? fromBatch(body) : [body]
  if (found.length === 0) throw new MalformedTransactions('there is none')
  if (found.some(({ length }) => length === 0)) throw new MalformedTransactions('one is empty')
  return found
}

function fromBatch(body: Buffer): readonly Uint8Array[] {
  try {
    return decodeList(body, body.length / 5)
  } catch {
    throw new MalformedTransactions('the lengths in the batch do not fit it')
  }
}

function fromJson(body: Buffer): readonly Uint8Array[] {
  const value = parse(body)
  return (Array.isArray(value) ? value : [value]).map((text: unknown) => {
    if (typeof text === 'string' && hexString.test(text)) return Buffer.from(text.replace(/^0x/, ''), 'hex')
    throw new MalformedTransactions('JSON must be a hex string or an array of hex strings')
  })
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new MalformedTransactions('it is not JSON')
  }
}
