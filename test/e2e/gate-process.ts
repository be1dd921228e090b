import { realClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import { systemRandom } from '../../src/core/random.ts'
import { createGateway } from '../../src/gateway/gateway.ts'
import { optionsFor } from './gate.ts'

// A gateway in a process of its own, so that its memory can be measured. It tells its parent where it listens, and
// its resident memory, in bytes, whenever it is asked.
const gateway = createGateway(optionsFor(process.argv.slice(2)), {
  clock: realClock,
  random: systemRandom,
  log: silentLog,
  version: '0.0.0',
})
const { port } = await gateway.start()
process.on('message', () => {
  process.send!({ rss: process.memoryUsage().rss })
})
process.on('disconnect', () => process.exit(0))
process.send!({ port })
