// In your own folder: import { createGateway, fromConfig } from 'drawbridge-rpc'
import { createGateway, fromConfig } from '../src/index.ts'

/** A gateway inside a program of your own: `node library.ts http://10.0.0.1:8545 http://10.0.0.2:8545` */
const gateway = createGateway(
  fromConfig({
    listen: '127.0.0.1:0',
    networks: { el: { kind: 'evm', upstreams: process.argv.slice(2).map((url) => ({ url })) } },
  }),
)

const { host, port } = await gateway.start()
console.log(`http://${host}:${port}`)

process.once('SIGTERM', async () => {
  await gateway.drain()
  await gateway.close()
})
