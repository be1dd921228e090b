import { type MethodRow, methodTable, readingPrefixes } from './method-table.ts'

/** What the gateway has to know about a method before it sends a call anywhere. */
export interface MethodTraits {
  readonly name: string
  /** Label for metrics and latency histories: the name of a known method, else "other". */
  readonly label: string
  /**
   * May an attempt that perhaps reached the node be repeated elsewhere? `rawTransaction`: yes, as the transaction's
   * hash makes it idempotent, but "already known" then means success.
   */
  readonly repeat: 'safe' | 'rawTransaction' | 'never'
  /** Filters live on the upstream that made them. */
  readonly filter: 'none' | 'creates' | 'uses'
  /** light: from memory or an index, up to a few ms; medium: runs code or reads a block; heavy: may take seconds. */
  readonly cost: 'light' | 'medium' | 'heavy'
  /** Position of the block reference among positional params, if the method takes one. */
  readonly blockParam: number | undefined
}

const known = new Map(Object.entries(methodTable).map(([name, row]) => [name, traitsOf(name, name, row)]))

/**
 * The traits of a method. Known methods share one frozen object each. An unknown one may be repeated only when its
 * name says that it reads.
 *
 * @example methodTraits('eth_getBalance').blockParam === 1
 */
export function methodTraits(method: string): MethodTraits {
  return known.get(method) ?? unknownTraits(method)
}

function unknownTraits(name: string): MethodTraits {
  const reading = readingPrefixes.find(({ prefix }) => name.startsWith(prefix))
  return traitsOf(name, 'other', reading ?? { cost: 'medium', repeat: 'never' })
}

function traitsOf(name: string, label: string, row: MethodRow): MethodTraits {
  const { cost, repeat = 'safe', filter = 'none', blockParam } = row
  return Object.freeze({ name, label, repeat, filter, cost, blockParam })
}
