import type { Transactions } from './types.ts'

/** SSZ `List[ByteList]` seen in place: a table of offsets, then the transactions. */
export class TransactionViews implements Transactions {
  readonly length: number
  readonly byteLength: number
  readonly longest: number
  readonly #bytes: Buffer

  /**
   * @param bytes the serialized list, nothing around it
   * @throws RangeError when the offsets do not fit the bytes exactly.
   */
  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.length = countOf(bytes)
    this.byteLength = bytes.length - 4 * this.length
    this.longest = this.#checkedLongest()
  }

  #checkedLongest(): number {
    let longest = 0
    for (let index = 0; index < this.length; index++) {
      const length = this.#end(index) - this.#start(index)
      if (length < 0) throw new RangeError('offsets go back')
      if (length > longest) longest = length
    }
    return longest
  }

  #start(index: number): number {
    return this.#bytes.readUInt32LE(4 * index)
  }

  #end(index: number): number {
    return index + 1 < this.length ? this.#start(index + 1) : this.#bytes.length
  }

  at(index: number): Uint8Array {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`There is no transaction ${index}.`)
    return this.#bytes.subarray(this.#start(index), this.#end(index))
  }

  *[Symbol.iterator](): Iterator<Uint8Array> {
    for (let index = 0; index < this.length; index++) yield this.at(index)
  }
}

function countOf(bytes: Buffer): number {
  if (bytes.length === 0) return 0
  const first = bytes.readUInt32LE(0)
  if (first === 0 || first % 4 !== 0 || first > bytes.length) throw new RangeError('bad first offset')
  return first / 4
}

/** Length of the list in SSZ. */
export function sizeOfTransactions(transactions: readonly Uint8Array[]): number {
  return transactions.reduce((sum, { length }) => sum + 4 + length, 0)
}

/** Writes the list in SSZ and returns where it ends. */
export function writeTransactions(into: Buffer, at: number, transactions: readonly Uint8Array[]): number {
  let offset = 4 * transactions.length
  let place = at
  for (const transaction of transactions) {
    place = into.writeUInt32LE(offset, place)
    into.set(transaction, at + offset)
    offset += transaction.length
  }
  return at + offset
}
