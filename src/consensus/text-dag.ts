import { type CommitRule, Committer, type Decision } from './committer.ts'
import { Dag, DagNode } from './dag.ts'
import { BadDagText, namedRef, slotName } from './dag-names.ts'

/** A DAG as JSON, with the rule it is judged by. Blocks come after their parents; round 0 is not listed. */
export interface TextDag {
  readonly seed: number
  readonly stakes: readonly number[]
  readonly waveLength: number
  readonly leadersPerRound: number
  readonly pipelined: boolean
  readonly directCommitQuorum: number
  readonly directSkipQuorum: number
  readonly certificateQuorum: number
  readonly anchorLink: number
  readonly blocks: readonly (readonly [name: string, parents: readonly string[]])[]
}

/** `["commit", "direct", "C4"]`; a skipped leader is named by its slot. */
export type TextDecision = readonly ['commit' | 'skip', 'direct' | 'indirect', string]

/** The rule of a text DAG: the k-th leader of round r is authority (r + k) mod n. */
export function ruleOf(dag: TextDag): CommitRule {
  return { ...dag, leader: (round, offset) => (round + offset) % dag.stakes.length }
}

/** A decision as text. */
export function decisionText({ block, direct, slot }: Decision): TextDecision {
  const how = direct ? 'direct' : 'indirect'
  return block === undefined ? ['skip', how, slotName(slot)] : ['commit', how, block.ref.digest]
}

/** A DAG that grows by named blocks, without any verification, and a committer that watches it. */
export class GrowingDag {
  readonly dag: Dag
  readonly committer: Committer
  readonly #nodes = new Map<string, DagNode>()

  constructor(size: number, rule: CommitRule) {
    this.dag = new Dag(size)
    this.committer = new Committer(this.dag, rule)
    for (let author = 0; author < size; author++) this.add(slotName({ author, round: 0 }), [])
  }

  has(name: string): boolean {
    return this.#nodes.has(name)
  }

  /** @throws BadDagText for a second block of that name, an unknown author or a parent that is absent or not older. */
  add(name: string, parentNames: readonly string[]): DagNode {
    const ref = namedRef(name)
    if (this.#nodes.has(name)) throw new BadDagText(`There are two blocks ${name}.`)
    if (ref.author >= this.dag.size) throw new BadDagText(`${name} is by nobody of the committee.`)
    if (ref.round > this.dag.highestRound + 10_000) throw new BadDagText(`${name} is too far above the rest.`)
    const node = new DagNode(
      ref,
      parentNames.map((parent) => this.#parent(name, ref.round, parent)),
      undefined,
    )
    this.dag.add(node)
    this.#nodes.set(name, node)
    this.committer.observe(node)
    return node
  }

  #parent(name: string, round: number, parentName: string): DagNode {
    const parent = this.#nodes.get(parentName)
    if (parent === undefined) throw new BadDagText(`${name} comes before its parent ${parentName}.`)
    if (parent.round >= round) throw new BadDagText(`${name} is not above its parent ${parentName}.`)
    return parent
  }

  decisions(): readonly TextDecision[] {
    return this.committer.decide().map(decisionText)
  }
}

/**
 * Decides a whole DAG.
 *
 * @throws BadDagText when its blocks do not make a DAG.
 */
export function decideTextDag(dag: TextDag): readonly TextDecision[] {
  const growing = new GrowingDag(dag.stakes.length, ruleOf(dag))
  for (const [name, parents] of dag.blocks) growing.add(name, parents)
  return growing.decisions()
}
