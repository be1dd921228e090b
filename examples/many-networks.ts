// In your own folder: import { defineConfig } from 'drawbridge-rpc'
import { defineConfig } from '../src/index.ts'

const nodes = { sepolia: 11_155_111, holesky: 17_000 }

/** One network per chain, three replicas each, made by a loop: what TypeScript is for. */
export default defineConfig({
  networks: Object.fromEntries(
    Object.entries(nodes).map(([name, chainId]) => [
      name,
      {
        kind: 'evm' as const,
        chainId,
        upstreams: [0, 1, 2].map((at) => ({ name: `${name}-${at}`, url: `http://${name}-${at}.nodes.internal:8545` })),
        routing: { strategy: 'roundRobin' as const },
      },
    ]),
  ),
})
