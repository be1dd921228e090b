import { BadDagText, slotName } from '../../src/consensus/dag-names.ts'

/** A DAG in text, read: its blocks in order, parents first. Round 0 is not listed. */
export interface NotedDag {
  readonly size: number
  readonly blocks: readonly (readonly [name: string, parents: readonly string[]])[]
}

const roundPattern = /Round\s+(\d+)\s*:\s*\{([^{}]*)\}\s*,?\s*/y
const blockPattern = /(\[\d+\]|[A-Z])\s*->\s*\[((?:[^[\]]|\[\d+\])*)\]\s*,?\s*/y

function matchAll(text: string, pattern: RegExp): readonly RegExpExecArray[] {
  const found: RegExpExecArray[] = []
  pattern.lastIndex = 0
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex
    const match = pattern.exec(text)
    if (match === null) throw new BadDagText(`Cannot read on from ${JSON.stringify(text.slice(at, at + 30))}.`)
    found.push(match)
  }
  return found
}

/** `*`: all of the round before; `-A1`: all of it but A1; `A1`: that block. They add up in order. */
function parentsOf(text: string, before: readonly string[]): readonly string[] {
  const items = text.split(',').flatMap((item) => item.trim() || [])
  const left = items.flatMap((item) => (item.startsWith('-') ? item.slice(1).trim() : []))
  for (const name of left) if (!before.includes(name)) throw new BadDagText(`${name} is not in the round before.`)
  const all = before.filter((name) => !left.includes(name))
  const named = items.flatMap((item) => (item.startsWith('-') ? [] : item === '*' ? before : [item]))
  return [...new Set(left.length > 0 ? [...all, ...named] : named)]
}

/**
 * Reads the notation in which the protocol's authors write DAGs. A new round must be one above the last.
 *
 * @throws BadDagText where it cannot.
 * @example
 * readDag('DAG { Round 0 : { 4 }, Round 1 : { * }, Round 2 : { A -> [*], B -> [-A1], C -> [A1, B1] } }')
 */
export function readDag(text: string): NotedDag {
  const body = /^\s*DAG\s*\{([\s\S]*)\}\s*$/.exec(text)?.[1]
  if (body === undefined) throw new BadDagText('It is not DAG { … }.')
  const [first, ...rounds] = matchAll(body.trim(), roundPattern)
  const size = Number(first?.[2])
  if (first?.[1] !== '0' || !Number.isInteger(size) || size < 1) throw new BadDagText('Round 0 has a number of blocks.')
  const authors = Array.from({ length: size }, (_, author) => author)
  let before = authors.map((author) => slotName({ author, round: 0 }))
  const blocks: (readonly [string, readonly string[]])[] = []
  rounds.forEach(([, number, content = ''], at) => {
    if (Number(number) !== at + 1) throw new BadDagText(`Round ${number} comes after round ${at}.`)
    const made = content.trim() === '*' ? fullRound(authors, at + 1, before) : listedRound(content, at + 1, before)
    blocks.push(...made)
    before = made.map(([name]) => name)
  })
  return { size, blocks }
}

function fullRound(authors: readonly number[], round: number, before: readonly string[]) {
  return authors.map((author) => [slotName({ author, round }), before] as const)
}

function listedRound(content: string, round: number, before: readonly string[]) {
  return matchAll(content.trim(), blockPattern).map(
    ([, author, parents = '']) => [`${author}${round}`, parentsOf(parents, before)] as const,
  )
}
