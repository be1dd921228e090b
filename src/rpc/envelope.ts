const envelopeHead = Buffer.from('{"jsonrpc":"2.0","id":')
const resultMiddle = Buffer.from(',"result":')
const errorMiddle = Buffer.from(',"error":')
const paramsMiddle = Buffer.from(',"params":')
const nullId = Buffer.from('null')
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c

/**
 * A call as it is sent upstream, with an id of ours: the client's own id never leaves the gateway.
 *
 * @param id from `nextUpstreamId()`
 * @param params raw JSON of an array or object; undefined leaves the member out
 * @example `${requestBody(7, 'eth_chainId', undefined)}` === '{"jsonrpc":"2.0","id":7,"method":"eth_chainId"}'
 */
export function requestBody(id: number, method: string, params: Buffer | undefined): Buffer {
  const head = headOf(method)
  const digits = String(id)
  const headAt = envelopeHead.length + digits.length
  const headEnd = headAt + head.length
  const paramsAt = headEnd + (params === undefined ? 0 : paramsMiddle.length)
  const body = Buffer.allocUnsafe(paramsAt + (params?.length ?? 0) + 1)
  body.set(envelopeHead, 0)
  body.write(digits, envelopeHead.length, 'latin1')
  body.set(head, headAt)
  if (params !== undefined) {
    body.set(paramsMiddle, headEnd)
    body.set(params, paramsAt)
  }
  body[body.length - 1] = CLOSE_OBJECT
  return body
}

// Clients choose method names, so there must be an end to what is kept.
const maxHeads = 500
const heads = new Map<string, Buffer>()

function headOf(method: string): Buffer {
  const kept = heads.get(method)
  if (kept !== undefined) return kept
  const head = Buffer.from(`,"method":${JSON.stringify(method)}`)
  if (heads.size < maxHeads && method.length < 100) heads.set(method, head)
  return head
}

/**
 * An answer with a result: `{"jsonrpc":"2.0","id":…,"result":…}`.
 *
 * @param id raw JSON of the id, as the client wrote it
 * @param result raw JSON of the result
 */
export function resultBody(id: Buffer, result: Buffer): Buffer {
  return answerBody(id, resultMiddle, result)
}

/**
 * An answer with an error: `{"jsonrpc":"2.0","id":…,"error":…}`.
 *
 * @param id raw JSON of the id; undefined where it could not be told, which gives null
 * @param error raw JSON of the error object
 */
export function errorBody(id: Buffer | undefined, error: Buffer): Buffer {
  return answerBody(id ?? nullId, errorMiddle, error)
}

/** What stands before the result of a streamed answer; {@link resultEnd} goes after it. */
export function resultStart(id: Buffer): Buffer {
  return Buffer.concat([envelopeHead, id, resultMiddle])
}

/** What stands after the result of a streamed answer. */
export const resultEnd: Buffer = Buffer.of(CLOSE_OBJECT)

function answerBody(id: Buffer, middle: Buffer, value: Buffer): Buffer {
  const middleAt = envelopeHead.length + id.length
  const valueAt = middleAt + middle.length
  const body = Buffer.allocUnsafe(valueAt + value.length + 1)
  body.set(envelopeHead, 0)
  body.set(id, envelopeHead.length)
  body.set(middle, middleAt)
  body.set(value, valueAt)
  body[valueAt + value.length] = CLOSE_OBJECT
  return body
}

/** Raw JSON of an error object. `data` is left out when undefined. */
export function errorObject(code: number, message: string, data?: object): Buffer {
  return Buffer.from(JSON.stringify({ code, message, data }))
}

/** A batch of complete answers, in the order given. */
export function batchBody(members: readonly Buffer[]): Buffer {
  let length = 1 + Math.max(1, members.length)
  for (const member of members) length += member.length
  const body = Buffer.allocUnsafe(length)
  body[0] = OPEN_ARRAY
  let at = 1
  for (const member of members) {
    if (at > 1) body[at++] = COMMA
    body.set(member, at)
    at += member.length
  }
  body[at] = CLOSE_ARRAY
  return body
}
