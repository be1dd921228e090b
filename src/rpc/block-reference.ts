import { parseQuantity } from './hex.ts'
import { skipLoosely } from './json-loose.ts'
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  saysWord,
  skipColon,
  skipName,
  skipSpace,
} from './json-text.ts'

/** Block tags of the execution-apis specification. */
export type BlockTag = 'latest' | 'pending' | 'earliest' | 'safe' | 'finalized'

/** The block that a call asks about. */
export type BlockReference =
  | { readonly kind: 'tag'; readonly tag: BlockTag }
  | { readonly kind: 'number'; readonly number: number }
  /** Lower case, with 0x. */
  | { readonly kind: 'hash'; readonly hash: string }
  /** Not given: the node takes its default, which is the latest block. */
  | { readonly kind: 'absent' }
  /** Given, but in no form that we know: a matter for the node. */
  | { readonly kind: 'unknown' }

const tags = new Map<string, BlockReference>(
  (['latest', 'pending', 'earliest', 'safe', 'finalized'] as const).map((tag) => [tag, { kind: 'tag', tag }]),
)
const absent: BlockReference = { kind: 'absent' }
const unknown: BlockReference = { kind: 'unknown' }

// A hash with its quotes; longer strings are no reference.
const longest = 68
const LOWER_N = 0x6e

/**
 * The block reference among the params of a call: a tag, a number, a hash, or an object of EIP-1898. Looks at the
 * parameters before it no longer than it takes to pass over them.
 *
 * @param params raw JSON of the params, which `scanRequest` found well formed
 * @param position from `methodTraits(…).blockParam`
 * @example blockReference(Buffer.from('["0xaa","latest"]'), 1) // { kind: 'tag', tag: 'latest' }
 */
export function blockReference(params: Buffer | undefined, position: number | undefined): BlockReference {
  if (position === undefined || params === undefined) return absent
  if (params[0] !== OPEN_ARRAY) return unknown
  const at = elementAt(params, position)
  return at === undefined ? absent : referenceAt(params, at)
}

function elementAt(params: Buffer, position: number): number | undefined {
  let at = skipSpace(params, 1)
  if (params[at] === CLOSE_ARRAY) return undefined
  for (let index = 0; index < position; index++) {
    at = skipSpace(params, skipLoosely(params, at))
    if (params[at] !== COMMA) return undefined
    at = skipSpace(params, at + 1)
  }
  return at
}

function referenceAt(text: Buffer, at: number): BlockReference {
  if (text[at] === OPEN_OBJECT) return memberReference(text, at)
  const end = skipLoosely(text, at)
  if (text[at] === LOWER_N) return absent
  return end - at > longest ? unknown : stringReference(text.toString('latin1', at, end))
}

/** EIP-1898: `{"blockNumber": …}` or `{"blockHash": …}`. */
function memberReference(text: Buffer, start: number): BlockReference {
  let found: BlockReference = unknown
  let at = skipSpace(text, start + 1)
  while (text[at] !== CLOSE_OBJECT) {
    const nameEnd = skipName(text, at)
    const from = skipColon(text, nameEnd)
    const named = saysWord(text, at, nameEnd, 'blockNumber') || saysWord(text, at, nameEnd, 'blockHash')
    if (named && text[from] !== OPEN_OBJECT) found = referenceAt(text, from)
    at = skipSpace(text, skipLoosely(text, from))
    if (text[at] === COMMA) at = skipSpace(text, at + 1)
  }
  return found
}

function stringReference(json: string): BlockReference {
  const tag = tags.get(json.slice(1, -1))
  if (tag !== undefined) return tag
  if (/^"0x[0-9a-f]{64}"$/i.test(json)) return { kind: 'hash', hash: json.slice(1, -1).toLowerCase() }
  const number = json.startsWith('"') ? parseQuantity(json.slice(1, -1)) : undefined
  return number === undefined ? unknown : { kind: 'number', number }
}
