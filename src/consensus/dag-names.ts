import { DrawbridgeError } from '../core/errors.ts'
import type { BlockRef, Slot } from './types.ts'

/** A block's name in text: letter of the author (`A` is 0; `[26]` and up by number), round, one `'` per older sibling. */
export interface BlockName extends Slot {
  readonly sibling: number
}

const pattern = /^(?:([A-Z])|\[(\d{1,5})\])(\d{1,9})('*)$/

/** A text DAG that cannot be read; the message says where. */
export class BadDagText extends DrawbridgeError {
  constructor(message: string) {
    super('BAD_DAG_TEXT', message)
  }
}

/**
 * Reads the name of a block.
 *
 * @throws BadDagText when it is none.
 * @example
 * parseBlockName("C4'") // { author: 2, round: 4, sibling: 1 }
 */
export function parseBlockName(name: string): BlockName {
  const parts = pattern.exec(name)
  if (parts === null) throw new BadDagText(`${JSON.stringify(name.slice(0, 40))} is not the name of a block, like C4.`)
  const [, letter, number, round, marks] = parts
  const author = letter === undefined ? Number(number) : letter.charCodeAt(0) - 65
  return { author, round: Number(round), sibling: (marks ?? '').length }
}

/** The text of an authority: `A` … `Z`, then `[26]`, `[27]` … */
export function authorityName(author: number): string {
  return author < 26 ? String.fromCharCode(65 + author) : `[${author}]`
}

/** The text of a slot, like `C4`. */
export function slotName({ author, round }: Slot): string {
  return `${authorityName(author)}${round}`
}

/** A reference whose digest is the block's name: for DAGs that only exist as text. */
export function namedRef(name: string): BlockRef {
  const { author, round } = parseBlockName(name)
  return { round, author, digest: name }
}
