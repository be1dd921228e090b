import type { Effect, ErrorClass, Evidence } from './error-effects.ts'
import type { ErrorRule, MethodGroup } from './error-rule.ts'
import { keyWords, planWords, rangeWords, rateWords } from './error-words.ts'

type Words = readonly (string | RegExp)[]

interface TextRow {
  readonly name: string
  readonly class: ErrorClass
  readonly text?: Words
  readonly and?: Words
  readonly not?: Words
  readonly code?: readonly number[]
  readonly only?: MethodGroup
  readonly effect?: Partial<Effect>
  /** Method, code and message of an error that this row catches. */
  readonly example: readonly [string, number, string]
  readonly note: string
}

// Blocks far behind are found on archive nodes only.
const old: Partial<Effect> = { retry: 'archive', remember: 'historyBound' }

const limits: readonly TextRow[] = [
  {
    name: 'sequencer limits the sender',
    class: 'RATE',
    text: ['sender is over rate limit'],
    effect: { retry: 'no', remember: 'nothing', client: 'asReceived' },
    example: ['eth_sendRawTransaction', -32000, 'sender is over rate limit'],
    note: 'OP Stack: every upstream passes the transaction to the same sequencer.',
  },
  {
    name: 'log range too wide',
    class: 'RANGE',
    text: [...rangeWords, 'maximum rpc range limit', 'eth_getlogs is limited', /maximum .*blocks distance/],
    example: ['eth_getLogs', -32000, 'Requested range exceeds maximum RPC range limit'],
    note: 'Geth and Infura style; public nodes; Monad.',
  },
  {
    name: 'eth_getLogs limited to a range',
    class: 'RANGE',
    only: 'logs',
    text: ['limited to'],
    and: ['block', 'range'],
    example: ['eth_getLogs', -32000, 'is limited to 1024 blocks'],
    note: 'QuickNode and look-alikes.',
  },
  {
    name: 'response too large for the upstream',
    class: 'RANGE',
    text: ['response size should not', 'response size exceeded', 'response too large', 'is too big'],
    example: ['eth_getLogs', -32000, 'Query timeout or response size should not be greater than 150 MB'],
    note: 'Alchemy; jsonrpsee.',
  },
  {
    name: 'too many addresses, topics or filters',
    class: 'ADDR',
    text: [
      'specify less number of address',
      'addresses or topics per search position',
      'exceed max topics',
      'exceed max addresses',
    ],
    example: ['eth_getLogs', -32000, 'please specify less number of addresses'],
    note: 'Alchemy, dRPC, Geth.',
  },
  {
    name: 'too many filter entries',
    class: 'ADDR',
    text: ['current limit is'],
    and: ['filters'],
    example: ['eth_newFilter', -32000, 'too many filters: current limit is 5000'],
    note: 'Infura.',
  },
]

const contracts: readonly TextRow[] = [
  {
    name: 'not part of the plan',
    class: 'BILL',
    text: [
      'upgrade your plan',
      'upgrade to paid tier',
      'upgrade to a paid',
      'upgrade from discover plan',
      'not included in your current plan',
      'not available on your current plan',
    ],
    effect: { remember: 'unsupportedMethod' },
    example: ['debug_traceCall', -32000, 'debug data is not included in your current plan'],
    note: 'QuickNode, Ankr and others: other methods still work, so the upstream is not cordoned.',
  },
  {
    name: 'plan spent',
    class: 'BILL',
    text: planWords,
    example: ['eth_call', -32000, 'Monthly capacity limit exceeded. Visit https://dashboard.example/settings/billing'],
    note: 'Alchemy and look-alikes.',
  },
  {
    name: 'method not offered',
    class: 'UNSUP',
    text: [
      'method is not whitelisted',
      'not allowed to access method',
      'containing module is disabled',
      'unsupported method',
      /\b(method|module)\b.{0,80}\b(not found|not available|not supported|not enabled|disabled|does not exist|unavailable|blocked)/,
      /\b(blocked|disabled|unsupported|unknown)\b.{0,20}\bmethod/,
    ],
    example: ['trace_block', -32000, 'method trace_block is not available'],
    note: 'Many. Before the key rules: "not allowed to access method" is about the method.',
  },
  {
    name: 'key refused',
    class: 'AUTH',
    text: [...keyWords, 'not allowed to access'],
    example: ['eth_call', -32000, 'invalid api key provided'],
    note: 'Alchemy, Infura, dRPC, BlockPI.',
  },
  {
    name: 'still syncing',
    class: 'SYNC',
    text: [
      /node is (still )?syncing/,
      'still syncing',
      'catching up to the chain',
      /\b(not in|out of) sync\b/,
      /node is behind by \d+ slots/,
    ],
    example: ['eth_getBalance', -32000, 'node is still syncing'],
    note: 'Besu, L2 nodes.',
  },
]

const missing: readonly TextRow[] = [
  {
    name: 'state pruned',
    class: 'MISS',
    text: [
      'missing trie node',
      'no state available',
      'required historical state unavailable',
      /historical state .*(not available|unavailable)/,
      'trie does not',
      'state at block',
      'state already discarded',
      'node state is pruned',
      'does not maintain archive data',
      'failed to load state at height',
      'account changes purged',
      'no historical rpc',
      'old data not available due to pruning',
      'pruned history unavailable',
      'historical backend',
      'exceeds maximum proof window',
    ],
    effect: old,
    example: ['eth_getBalance', -32000, 'missing trie node 5f2c (path ) state 0x5f is not available'],
    note: 'Geth, Reth, Nethermind, Besu, Erigon, Harmony, OP Stack before Bedrock.',
  },
  {
    name: 'block tag not known',
    class: 'MISS',
    text: [
      /\b(pending|safe|finalized) block (was )?not found/,
      'pending block is not available',
      /\b(pending|safe|finalized) is not a supported/,
      'not a supported commitment',
      'malformed blocknumber',
      'invalid blockhash finalized',
      'could not find finalizeblock',
    ],
    example: ['eth_getBlockByNumber', -32000, 'finalized block not found'],
    note: 'Geth, Erigon, L2 nodes.',
  },
  {
    name: 'block not known',
    class: 'MISS',
    text: [
      'header not found',
      'header for hash not found',
      'unknown block',
      'could not find block',
      'block not found',
      /\bblock (#|number )?\w+ (was )?not found/,
      'could not be found',
      'not currently canonical',
      'body not found for block',
      /blocks? specified.*cannot be found/,
    ],
    example: ['eth_call', -32000, 'block 0x0000000000000000000000000000000000000000000000000000000000000001 not found'],
    note: 'Geth, Reth, Erigon, Besu: the upstream is behind, or on another branch.',
  },
  {
    name: 'block beyond the head',
    class: 'MISS',
    text: [
      'height must be less than or equal',
      'expect block number from id',
      'block height passed is invalid',
      'height is not available',
      'greater than latest',
      'cannot query unfinalized',
      'after last accepted block',
      'request beyond head block',
      'genesis is not traceable',
      'block is out of range',
    ],
    example: ['eth_call', -32000, 'cannot query unfinalized data'],
    note: 'Cosmos EVM, Sei, Moonbeam, Avalanche, Erigon. Geth says "genesis is not traceable" for a block it has just seen.',
  },
  {
    name: 'transaction, receipt or logs not known',
    class: 'MISS',
    text: [
      'transaction not found',
      'cannot find transaction',
      'receipt not available for',
      'logs are not being recorded',
      /(pebble|leveldb): not found/,
      'transaction indexing is in progress',
      'requested data is not available',
    ],
    example: ['debug_traceTransaction', -32000, 'transaction not found'],
    note: 'Geth and its forks, Erigon.',
  },
]

const transactions: readonly TextRow[] = [
  {
    name: 'balance too small',
    class: 'TXREJ',
    text: [
      'insufficient funds',
      'insufficientfunds',
      'insufficient balance',
      'insufficient maxfeepergas',
      'insufficient sender balance',
    ],
    effect: { retry: 'no' },
    example: ['eth_sendRawTransaction', -32000, 'insufficient funds for gas * price + value'],
    note: 'Geth, Nethermind: the same on every upstream.',
  },
  {
    name: 'transaction refused',
    class: 'TXREJ',
    text: [
      /^rejected$/,
      /transaction had higher priority/,
      /fee too low/,
      'intrinsicgas',
      'intrinsic gas too low',
      'gas limit below intrinsic gas',
      'gas too low',
      'exceeds block gas limit',
      'block gas limit exceeded',
      'nonce too high',
      'nonce too low',
      'underpriced',
      'could not replace existing tx',
      'max fee per gas less than block base fee',
      'max priority fee per gas higher than max fee per gas',
      'oversized data',
      'tx too large',
      'txpool is full',
      'sub-pool is full',
      'nonce has max value',
      'exceeds the configured cap',
      'only replay-protected',
    ],
    example: ['eth_sendRawTransaction', -32000, 'replacement transaction underpriced'],
    note: 'Geth, Erigon, Nethermind, Reth, Monad.',
  },
  {
    name: 'raw transaction out of gas',
    class: 'TXREJ',
    only: 'rawTransaction',
    text: ['out of gas'],
    example: ['eth_sendRawTransaction', -32000, 'out of gas'],
    note: 'The pool’s check of the intrinsic gas.',
  },
  {
    name: 'execution failed',
    class: 'REVERT',
    text: [
      'out of gas',
      'gas required exceeds allowance',
      'intrinsic gas too high',
      'stack limit reached',
      'stack underflow',
      'invalid opcode',
      'invalid jump destination',
      'write protection',
      'max code size exceeded',
      'out of counters',
    ],
    example: ['eth_call', -32000, 'invalid opcode: INVALID'],
    note: 'Virtual machine halts; zkEVM counters.',
  },
]

const failures: readonly TextRow[] = [
  {
    name: 'upstream took too long',
    class: 'NODE',
    text: [
      'execution timeout',
      'execution aborted (timeout',
      /query timeout of \d+ seconds exceeded/,
      'request timed out',
      'request timeout',
      'query timeout exceeded',
      'context deadline exceeded',
    ],
    example: ['eth_call', -32000, 'execution aborted (timeout = 5s)'],
    note: 'Geth, Erigon.',
  },
  {
    name: 'upstream broke',
    class: 'NODE',
    text: [
      'mdbx_panic',
      'context canceled',
      'no available nodes',
      'no backends available',
      'temporary internal error',
      'suitable provider',
      'invalid json response',
      'connection reset',
      'connection refused',
      'bad gateway',
      'service unavailable',
      'no backend is currently healthy',
      'upstream connect error',
      'database is locked',
      'leveldb: closed',
      "can't execute this request",
      /\bunexpected eof\b|^eof$/,
    ],
    example: ['eth_call', -32603, 'MDBX_PANIC: Maybe free space is over on disk'],
    note: 'Erigon; proxies in front of nodes.',
  },
  {
    name: 'too many calls',
    class: 'RATE',
    text: rateWords,
    // "Tx gas limit exceeded" is a verdict.
    not: [/\bgas limit\b/],
    example: ['eth_call', -32000, 'Public RPC Rate Limit Hit'],
    note: 'Many, and over-broad: so after everything that is more exact.',
  },
  {
    name: 'call not understood',
    class: 'CLIENT',
    text: [
      'typed transaction too short',
      /^rlp: /,
      'invalid transaction',
      'transaction type not supported',
      'param is required',
      'invalid request',
      'validation error',
      'invalid argument',
      'invalid param',
      'bad request input parameters',
      'hex string without 0x prefix',
      'hex string has odd length',
      'hex string of odd length',
      'bad address checksum',
      'invalid block number',
      'invalid block range',
      'invalid block hash',
      'failed to parse',
      'cannot unmarshal',
    ],
    example: ['eth_sendRawTransaction', -32000, 'rlp: element is larger than containing list'],
    note: 'Geth and others.',
  },
  {
    name: 'something not found',
    class: 'MISS',
    text: [/not found|does not exist|not available/],
    and: [/header|block|transaction|state|receipt/],
    example: ['eth_getBlockReceipts', -32000, 'the state of that epoch does not exist'],
    note: 'The general form.',
  },
  {
    name: 'something not supported',
    class: 'UNSUP',
    text: ['not supported'],
    // It may be a parameter that is not supported: the method may work with others.
    effect: { remember: 'nothing', client: 'asReceived' },
    example: ['eth_createAccessList', -32000, 'not supported'],
    note: 'The general form.',
  },
  {
    name: 'code -32001: resource not found',
    class: 'MISS',
    code: [-32001],
    example: ['eth_getBlockByHash', -32001, 'Resource not found.'],
    note: 'EIP-1474 and execution-apis. Last: vendors use the number for other things and say so.',
  },
]

/** The rules that judge by words, from specific to general. */
export const textRules: readonly ErrorRule[] = [...limits, ...contracts, ...missing, ...transactions, ...failures].map(
  ({ example, ...row }) => ({ ...row, stage: 'text', example: exampleOf(example) }),
)

function exampleOf([method, code, message]: TextRow['example']): Evidence {
  return { method, httpStatus: 200, error: { code, message, hasData: false } }
}
