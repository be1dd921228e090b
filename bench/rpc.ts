import { requestBody, resultBody } from '../src/rpc/envelope.ts'
import { classify } from '../src/rpc/error-classes.ts'
import { methodTraits } from '../src/rpc/methods.ts'
import { scanRequest } from '../src/rpc/scan-request.ts'
import { ResponseSplitter, scanResponse } from '../src/rpc/scan-response.ts'

// Prints what the JSON-RPC vocabulary costs, each figure beside what JSON.parse takes for the same bytes.

const call = Buffer.from(
  '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x6b175474e89094c44da98b954eedeac495271d0f",' +
    '"data":"0x70a08231000000000000000000000000d8da6bf26964af9d7eed9e03e53415d37aa96045"},"latest"]}',
)
const answer = Buffer.from(
  '{"jsonrpc":"2.0","id":1,"result":"0x000000000000000000000000000000000000000000000000000000000000002a"}',
)
const batch = Buffer.from(`[${Array(100).fill(call.toString()).join()}]`)
const refusal = {
  method: 'eth_call',
  httpStatus: 200,
  error: { code: -32000, message: 'no rule knows this message', hasData: false },
}

function nanoseconds(run: () => unknown): number {
  for (let index = 0; index < 100_000; index++) run()
  const rounds = Array.from({ length: 5 }, () => {
    const start = process.hrtime.bigint()
    for (let index = 0; index < 100_000; index++) run()
    return Number(process.hrtime.bigint() - start) / 100_000
  })
  return Math.min(...rounds)
}

function megabytesPerSecond(bytes: number, run: () => unknown): number {
  const rounds = Array.from({ length: 5 }, () => {
    const start = process.hrtime.bigint()
    run()
    return (bytes / Number(process.hrtime.bigint() - start)) * 1000
  })
  return Math.max(...rounds)
}

/** A structLog trace, the bulkiest answer that nodes give: many short strings. */
function trace(bytes: number): Buffer {
  const step = {
    pc: 1234,
    op: 'PUSH1',
    gas: 999_999,
    gasCost: 3,
    depth: 1,
    stack: ['0x60', '0x40', '0x70a08231', '0xd8da6bf26964af9d7eed9e03e53415d37aa96045'],
    memory: Array(4).fill('00'.repeat(32)),
  }
  const one = JSON.stringify(step)
  const steps = Array(Math.ceil(bytes / one.length)).fill(one)
  return Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"gas":1,"failed":false,"structLogs":[${steps.join()}]}}`)
}

function splitAll(body: Buffer): number {
  let bytes = 0
  const splitter = new ResponseSplitter((piece) => {
    bytes += piece.length
  })
  for (let at = 0; at < body.length; at += 65_536) splitter.push(body.subarray(at, at + 65_536))
  splitter.end()
  return bytes
}

function print(what: string, figure: number, unit: string, beside?: number): void {
  const comparison = beside === undefined ? '' : `   JSON.parse ${beside.toFixed(0)}`
  console.log(`${what.padEnd(46)} ${figure.toFixed(0).padStart(8)} ${unit}${comparison}`)
}

const id = Buffer.from('1')
const parse = (body: Buffer) => JSON.parse(body.toString())
print(
  `scanRequest, eth_call of ${call.length} B`,
  nanoseconds(() => scanRequest(call, 1000)),
  'ns',
  nanoseconds(() => parse(call)),
)
print(
  `scanResponse, answer of ${answer.length} B`,
  nanoseconds(() => scanResponse(answer)),
  'ns',
  nanoseconds(() => parse(answer)),
)
print(
  'methodTraits',
  nanoseconds(() => methodTraits('eth_call')),
  'ns',
)
print(
  'requestBody',
  nanoseconds(() => requestBody(1, 'eth_call', call)),
  'ns',
)
print(
  'resultBody',
  nanoseconds(() => resultBody(id, answer)),
  'ns',
)
print(
  'classify, error that no rule knows',
  nanoseconds(() => classify(refusal)),
  'ns',
)

const big = trace(50_000_000)
const parseBig = megabytesPerSecond(big.length, () => parse(big))
print(
  'scanResponse, 50 MB trace',
  megabytesPerSecond(big.length, () => scanResponse(big)),
  'MB/s',
  parseBig,
)
print(
  'ResponseSplitter, 50 MB trace in 64 KiB chunks',
  megabytesPerSecond(big.length, () => splitAll(big)),
  'MB/s',
  parseBig,
)
const hex = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":"0x${'ab'.repeat(25_000_000)}"}`)
const parseHex = megabytesPerSecond(hex.length, () => parse(hex))
print(
  'scanResponse, 50 MB string',
  megabytesPerSecond(hex.length, () => scanResponse(hex)),
  'MB/s',
  parseHex,
)
print(
  'ResponseSplitter, 50 MB string',
  megabytesPerSecond(hex.length, () => splitAll(hex)),
  'MB/s',
  parseHex,
)
const raw = Buffer.from(`{"id":1,"method":"eth_sendRawTransaction","params":["0x${'ab'.repeat(5_000_000)}"]}`)
print(
  'scanRequest, 10 MB string',
  megabytesPerSecond(raw.length, () => scanRequest(raw, 1)),
  'MB/s',
  megabytesPerSecond(raw.length, () => parse(raw)),
)
print(
  'scanRequest, batch of 100 calls',
  megabytesPerSecond(batch.length, () => scanRequest(batch, 1000)),
  'MB/s',
  megabytesPerSecond(batch.length, () => parse(batch)),
)
