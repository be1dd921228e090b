import { createServer } from 'node:net'

/**
 * An execution client that costs next to nothing, so that the proxy before it is what is measured: echoes the `to` of an
 * eth_call, and answers what a probe asks. Takes each read for one request, which holds for small ones without pipelining.
 *
 *   node bench/trivial-node.ts PORT
 */
const port = Number(process.argv[2] ?? 0)
const block = `{"number":"0x10","hash":"0x${'ab'.repeat(32)}"}`
const answers: readonly (readonly [string, string])[] = [
  ['eth_blockNumber', '"0x10"'],
  ['eth_chainId', '"0x1"'],
  ['eth_syncing', 'false'],
  ['eth_getBlockByNumber', block],
]

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.on('data', (read) => {
    const text = read.toString('latin1')
    if (!text.includes('{')) return
    const at = text.indexOf('"to":"0x')
    const result = at < 0 ? answerFor(text) : text.slice(at + 5, text.indexOf('"', at + 6) + 1)
    const id = /"id":(\d+)/.exec(text)?.[1] ?? 'null'
    const body = `{"jsonrpc":"2.0","id":${id},"result":${result}}`
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
})
server.listen(port, '127.0.0.1', () => console.log((server.address() as { port: number }).port))

function answerFor(text: string): string {
  return answers.find(([method]) => text.includes(method))?.[1] ?? '"0x"'
}
