import type { RefusalReason } from './call.ts'
import { errorObject } from './envelope.ts'
import { OPEN_OBJECT } from './json-text.ts'
import { readError } from './rpc-error.ts'

/** Why we answer with an error of our own. */
export type ClientErrorReason =
  | RefusalReason
  | 'unparsable'
  | 'invalidRequest'
  | 'batchTooLarge'
  | 'tooLarge'
  | 'tooSlow'
  | 'noRoom'
  | 'wrongContentType'
  | 'wrongMethod'
  | 'noWebSocket'
  | 'forbiddenMethod'
  | 'foreignHost'
  | 'foreignPage'
  | 'badPath'
  | 'badMinHead'
  | 'closing'
  | 'tooMuchHeld'

/** What a client is told. */
export interface ClientError {
  /** JSON-RPC error code. */
  readonly code: number
  /** HTTP status, where the answer has one of its own: in a batch and over WebSocket it has none. */
  readonly status: number
  /** Stable name, in `error.data.class`. */
  readonly class: string
  /** What happened, as a sentence. */
  readonly message: string
  /** What the client can do about it, in `error.data.nextStep`. */
  readonly nextStep: string
}

/**
 * Every error of ours, with the one place where its numbers are written. The codes are those of JSON-RPC 2.0 and
 * EIP-1474; -32002 for a deadline and -32000 for a lost filter are what Geth answers.
 */
export const clientErrors: Readonly<Record<ClientErrorReason, ClientError>> = {
  unparsable: {
    code: -32700,
    status: 400,
    class: 'UNPARSABLE',
    message: 'The request body is not JSON.',
    nextStep: 'Send one JSON object or an array of them, encoded in UTF-8.',
  },
  invalidRequest: {
    code: -32600,
    status: 200,
    class: 'INVALID_REQUEST',
    message: 'The request is not a JSON-RPC 2.0 call.',
    nextStep: 'Send an object with "jsonrpc": "2.0", "id", "method" and, where needed, "params".',
  },
  batchTooLarge: {
    code: -32600,
    status: 413,
    class: 'BATCH_TOO_LARGE',
    message: 'The batch holds too many calls.',
    nextStep: 'Send fewer calls in one batch, or raise limits.maxBatch.',
  },
  tooLarge: {
    code: -32600,
    status: 413,
    class: 'TOO_LARGE',
    message: 'The request body is too large.',
    nextStep: 'Send less at once, or raise limits.maxBodyBytes.',
  },
  tooSlow: {
    code: -32600,
    status: 408,
    class: 'TOO_SLOW',
    message: 'The request body came too slowly, or stopped coming.',
    nextStep: 'Send the whole body at once.',
  },
  noRoom: {
    code: -32603,
    status: 503,
    class: 'NO_ROOM',
    message: 'The gateway holds as much as it may.',
    nextStep: 'Try again soon, or raise limits.maxHeldBytes.',
  },
  wrongContentType: {
    code: -32600,
    status: 415,
    class: 'WRONG_CONTENT_TYPE',
    message: 'The content type of the request is not JSON.',
    nextStep: 'Send the header Content-Type: application/json.',
  },
  wrongMethod: {
    code: -32600,
    status: 405,
    class: 'WRONG_METHOD',
    message: 'JSON-RPC calls come by POST.',
    nextStep: 'Send the call as the body of a POST request.',
  },
  noWebSocket: {
    code: -32600,
    status: 501,
    class: 'NO_WEBSOCKET',
    message: 'There is no WebSocket at this address.',
    nextStep: 'Send the call as the body of a POST request.',
  },
  forbiddenMethod: {
    code: -32600,
    status: 405,
    class: 'FORBIDDEN_METHOD',
    message: "This request method is never served: its answer would repeat headers that are not the caller's.",
    nextStep: 'Use GET or POST.',
  },
  foreignHost: {
    code: -32600,
    status: 403,
    class: 'FOREIGN_HOST',
    message: 'The Host header holds a name that is not one of this gateway.',
    nextStep: 'Call it by its address or as localhost, or add the name to cors.hosts in the config.',
  },
  foreignPage: {
    code: -32600,
    status: 403,
    class: 'FOREIGN_PAGE',
    message: 'A web page of another site may not call this gateway.',
    nextStep: 'Add the origin of the page to cors.origins in the config.',
  },
  badPath: {
    code: -32600,
    status: 400,
    class: 'BAD_PATH',
    message: 'The path leaves the place that the upstream is configured at.',
    nextStep: 'Write the path without "..".',
  },
  badMinHead: {
    code: -32602,
    status: 400,
    class: 'BAD_MIN_HEAD',
    message: 'The header X-Drawbridge-Min-Head does not hold a block number.',
    nextStep: 'Write the number in decimal or as 0x…, or leave the header out.',
  },
  limited: {
    code: -32005,
    status: 429,
    class: 'LIMITED',
    message: 'Too many calls.',
    nextStep: 'Wait as long as Retry-After says, then try again.',
  },
  tooMuchHeld: {
    code: -32005,
    status: 429,
    class: 'TOO_MUCH_HELD',
    message: 'What is held in memory for this client is as much as it may be.',
    nextStep: 'Read the answers that are under way, or ask for less at once; limits.maxHeldBytes sets the bound.',
  },
  closing: {
    code: -32603,
    status: 503,
    class: 'CLOSING',
    message: 'The gateway is shutting down and begins no event stream.',
    nextStep: 'Open the stream again soon: another gateway, or the next start of this one, answers.',
  },
  noUpstream: {
    code: -32603,
    status: 503,
    class: 'NO_UPSTREAM',
    message: 'No upstream is able to take this call now.',
    nextStep: 'Try again soon; /status says what is wrong with each upstream.',
  },
  deadline: {
    code: -32002,
    status: 504,
    class: 'DEADLINE',
    message: 'No upstream answered in time.',
    nextStep: 'Try again, ask for less at once, or raise failsafe.timeoutMs.',
  },
  upstreamFailed: {
    code: -32603,
    status: 200,
    class: 'UPSTREAM_FAILED',
    message: 'Every upstream that was asked failed.',
    nextStep: 'Try again soon. A call that changes something may have taken effect: look before you repeat it.',
  },
  tooLargeForUpstream: {
    code: -32600,
    status: 413,
    class: 'TOO_LARGE_FOR_UPSTREAM',
    message: 'The upstreams that were asked do not take a request of this size.',
    nextStep: 'Send less at once, or raise the limit of the node or of the proxy before it.',
  },
  unsupported: {
    code: -32601,
    status: 200,
    class: 'UNSUPPORTED',
    message: 'No upstream offers this method.',
    nextStep: 'Check the name of the method, or add an upstream that offers it.',
  },
  filterGone: {
    code: -32000,
    status: 200,
    class: 'FILTER_GONE',
    // Libraries look for Geth's words.
    message: 'filter not found',
    nextStep: 'Create the filter anew: it expired, or the upstream that held it is gone.',
  },
  unknownUpstream: {
    code: -32602,
    status: 200,
    class: 'UNKNOWN_UPSTREAM',
    message: 'The header X-Drawbridge-Upstream names an upstream that this network does not have.',
    nextStep: 'Use one of the names in /status.',
  },
  internal: {
    code: -32603,
    status: 200,
    class: 'INTERNAL',
    message: 'The gateway failed to handle this call.',
    nextStep: 'This is a bug in Drawbridge: please report it with the X-Request-Id of the answer.',
  },
}

/**
 * An upstream's error as it leaves us: an object byte for byte; a bare string, which JSON-RPC does not know, as an object.
 *
 * @param error raw JSON of the error, as `scanResponse` gave it
 * @example `${properError(Buffer.from('"no route"'))}` === '{"code":-32603,"message":"no route"}'
 */
export function properError(error: Buffer): Buffer {
  return error[0] === OPEN_OBJECT ? error : errorObject(clientErrors.upstreamFailed.code, readError(error).message)
}
