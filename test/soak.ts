import { availableParallelism } from 'node:os'
import { judgeSeeds } from './sim/judge-seeds.ts'

// npm run test:soak -- [COUNT] [FIRST]: judges COUNT seeds (20000 unless told) from FIRST on (1), and prints what fails.
const [count = 20_000, first = 1] = process.argv.slice(2).map(Number)
if (!(count > 0 && first >= 0)) {
  process.stderr.write('usage: npm run test:soak -- [COUNT] [FIRST]\n')
  process.exit(2)
}

let judged = 0
let failed = 0
const workers = Math.min(count, availableParallelism())
await judgeSeeds(first, count, workers, (verdict) => {
  judged++
  if (verdict.failure !== undefined) {
    failed++
    process.stdout.write(`${verdict.failure}\n`)
  }
  if (judged % 500 === 0) process.stdout.write(`${judged} of ${count} seeds, ${failed} failed\n`)
})
process.stdout.write(`${judged} seeds from ${first} on: ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
