import { judgeSeed } from './judge-seed.ts'

// node seeds-worker.ts FIRST COUNT STEP: judges seeds FIRST, FIRST + STEP …, and prints one JSON line for each.
const [first = 0, count = 0, step = 1] = process.argv.slice(2).map(Number)
for (let at = 0; at < count; at++) process.stdout.write(`${JSON.stringify(judgeSeed(first + at * step))}\n`)
