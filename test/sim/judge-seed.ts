import { createSimulation } from '../../src/sim/simulation.ts'
import { drawScenario } from './scenarios.ts'

/** What one seed came to. */
export interface SeedVerdict {
  readonly seed: number
  /** What went wrong; undefined when all promises were kept. */
  readonly failure: string | undefined
  readonly commits: number
  readonly digest: string
}

/** Runs the scenario of a seed to its end and checks every promise. */
export function judgeSeed(seed: number): SeedVerdict {
  const { options, words, expected } = drawScenario(seed)
  const simulation = createSimulation(options)
  while (simulation.advance(100)) {}
  const { report } = simulation.result(0)
  const { doubled, lost } = report.transactions
  const wrong = [
    report.safety === 'ok' ? '' : report.safety,
    report.liveness === expected ? '' : `${report.liveness} instead of ${expected} after ${report.virtualSeconds} s`,
    doubled === 0 ? '' : `${doubled} transactions ordered twice`,
    report.equivocations === 0 || mayEquivocate(words) ? '' : `an honest validator equivocated`,
    lost === 0 || expected === 'stalled' ? '' : `${lost} acknowledged transactions lost`,
  ].filter((text) => text !== '')
  return {
    seed,
    failure: wrong.length === 0 ? undefined : `seed ${seed}: ${wrong.join('; ')} (${describe(options, words)})`,
    commits: report.commits,
    digest: report.digest,
  }
}

const makesSiblings = /^(equivocate|badAncestors|trust|starve|lie|bloat|siblings):/

// A validator that lost its disk trusts the answers of a third of the stake: whoever saw its last block may be down or
// cut off at that moment. Then it is one of the f that the protocol bears.
function mayEquivocate(words: readonly string[]): boolean {
  const wiped = words.some((word) => word.startsWith('wipe'))
  const cutOff = words.some((word) => /^(crash|restart|torn|partition|loss|delay|withhold|late)/.test(word))
  return (wiped && cutOff) || words.some((word) => makesSiblings.test(word))
}

function describe(
  { validators, stakes, votes, latency, forMs }: ReturnType<typeof drawScenario>['options'],
  words: readonly string[],
) {
  const kind = `stakes ${stakes?.join(' ')}${votes === true ? ', votes' : ''}`
  return `${validators} validators, ${kind}, up to ${latency.unitMs} ms, ${forMs} ms, ${words.join(' ') || 'no faults'}`
}
