import { parseArgs } from 'node:util'

/** `npm run bench [WHAT] [-- OPTIONS]`: benchmarks, each in a process of its own, each figure beside its reference. */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    rate: { type: 'string' },
    warm: { type: 'string' },
    row: { type: 'string' },
    url: { type: 'string' },
    ports: { type: 'string' },
  },
})
const number = (text: string | undefined, otherwise: number): number => (text === undefined ? otherwise : Number(text))

const benches: Readonly<Record<string, () => Promise<void>>> = {
  gateway: async () => {
    const { benchGateway } = await import('./gateway.ts')
    await benchGateway({ seconds: number(values.seconds, 5), rounds: number(values.rounds, 5) })
  },
  rpc: async () => {
    await import('./rpc.ts')
  },
  carrier: async () => {
    await import('./carrier.ts')
  },
  consensus: async () => {
    const { printCoreBench } = await import('./consensus-core.ts')
    const { benchCommittee } = await import('./committee.ts')
    printCoreBench((line) => console.log(line))
    await benchCommittee({ rates: [1000, 10_000, 40_000], seconds: number(values.seconds, 15), roundDelayMs: 10 })
  },
  'consensus-hour': async () => {
    const { printHour } = await import('./consensus-core.ts')
    printHour((line) => console.log(line))
  },
  drain: async () => {
    const { benchDrain } = await import('./drain.ts')
    await benchDrain({ restarts: number(values.rounds, 12) })
  },
  hang: async () => {
    const { benchHang } = await import('./hang.ts')
    await benchHang({ seconds: number(values.seconds, 60), rate: number(values.rate, 200) })
  },
  gray: async () => {
    const { benchGray } = await import('./gray.ts')
    const { row, url } = values
    const ports = (values.ports ?? '')
      .split(',')
      .filter((port) => port !== '')
      .map(Number)
    const [seconds, rate, warm] = [number(values.seconds, 8), number(values.rate, 100), number(values.warm, 0)]
    await benchGray({ seconds, rate, warm, row, url, ports })
  },
}

const what = positionals[0] ?? 'gateway'
const bench = benches[what]
if (bench === undefined) {
  console.error(`There is no benchmark ${what}: choose one of ${Object.keys(benches).join(', ')}.`)
  process.exit(2)
}
await bench()
