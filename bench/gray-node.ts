import { createServer, type Socket } from 'node:net'
import type { Sickness } from './gray-rows.ts'

/**
 * A small node that falls sick when its parent says so, in one of the ways of `gray-rows.ts`. Takes each read for one
 * request. Tells its parent its port, and how many calls it has been asked whenever a message comes.
 */
const block = `{"number":"0x10","hash":"0x${'ab'.repeat(32)}"}`
const answers: readonly (readonly [string, string])[] = [
  ['eth_blockNumber', '"0x10"'],
  ['eth_chainId', '"0x1"'],
  ['eth_syncing', 'false'],
  ['eth_getBlockByNumber', block],
]
let sickness: Sickness | undefined
let served: readonly Socket[] = []
let calls = 0
let turn = 0

process.on('message', (message: Sickness | 'well' | 'count') => {
  if (message !== 'count') {
    sickness = message === 'well' ? undefined : message
    served = []
  }
  process.send!({ calls })
})

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.on('data', (read) => {
    const text = read.toString('latin1')
    if (text.includes('{')) answer(socket, text)
  })
})
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () =>
  process.send!({ port: (server.address() as { port: number }).port }),
)

function answer(socket: Socket, text: string): void {
  const isCall = text.includes('"to":"0x')
  if (isCall) calls++
  const at = text.indexOf('"to":"0x')
  const result = isCall ? text.slice(at + 5, text.indexOf('"', at + 6) + 1) : answerFor(text)
  const id = /"id":(\d+|"[^"]*")/.exec(text)?.[1] ?? 'null'
  const good = `{"jsonrpc":"2.0","id":${id},"result":${result}}`
  if (!struck(isCall)) {
    setTimeout(() => send(socket, good), Number(/"waitMs":(\d+)/.exec(text)?.[1] ?? 0))
    return
  }
  suffer(sickness!, socket, good, id)
}

/** One in `oneIn` requests suffers; sicknesses of connections and of calls choose for themselves. */
function struck(isCall: boolean): boolean {
  if (sickness === undefined || (sickness.callsOnly === true && !isCall)) return false
  return ++turn % sickness.oneIn === 0
}

function suffer(what: Sickness, socket: Socket, good: string, id: string): void {
  switch (what.how) {
    case 'silent':
      return
    case 'late':
      setTimeout(() => send(socket, good), what.fromMs + Math.random() * (what.toMs - what.fromMs))
      return
    case 'stop':
      socket.write(`${head(200, good.length, 'application/json')}${good.slice(0, good.length >> 1)}`)
      return
    case 'drip':
      drip(socket, `${head(200, good.length, 'application/json')}${good}`)
      return
    case 'connections':
      if (served.length < 2 && !served.includes(socket)) served = [...served, socket]
      if (served.includes(socket)) send(socket, good)
      return
    case 'reset':
      socket.resetAndDestroy()
      return
    case 'truncated':
      socket.end(`${head(200, good.length, 'application/json')}${good.slice(0, good.length >> 1)}`)
      return
    case 'says':
      send(socket, what.body.replace('ID', id), what.status, what.type)
  }
}

function drip(socket: Socket, text: string): void {
  const body = text.indexOf('\r\n\r\n') + 4
  socket.write(text.slice(0, body))
  let at = body
  const timer = setInterval(() => {
    if (socket.destroyed || at >= text.length) clearInterval(timer)
    else socket.write(text[at++]!)
  }, 20)
}

function send(socket: Socket, body: string, status = 200, type = 'application/json'): void {
  if (!socket.destroyed) socket.write(`${head(status, body.length, type)}${body}`)
}

function head(status: number, length: number, type: string): string {
  return `HTTP/1.1 ${status} Status\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`
}

function answerFor(text: string): string {
  return answers.find(([method]) => text.includes(method))?.[1] ?? '"0x"'
}
