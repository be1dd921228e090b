import type { MethodTraits } from './methods.ts'

/** One method as written down here: what is left out is `safe`, `none` and no block parameter. */
export type MethodRow = Partial<Pick<MethodTraits, 'repeat' | 'filter' | 'blockParam'>> & Pick<MethodTraits, 'cost'>

const light: MethodRow = { cost: 'light' }
const medium: MethodRow = { cost: 'medium' }
const heavy: MethodRow = { cost: 'heavy' }
const never: MethodRow = { cost: 'medium', repeat: 'never' }

const lightAt = (blockParam: number): MethodRow => ({ cost: 'light', blockParam })
const mediumAt = (blockParam: number): MethodRow => ({ cost: 'medium', blockParam })
const heavyAt = (blockParam: number): MethodRow => ({ cost: 'heavy', blockParam })

/**
 * The methods of Ethereum execution clients that we know by name. `At(n)`: a block number, tag or hash is the n-th
 * parameter, counted from 0.
 *
 * Sources: the execution-apis specification, and the published method lists of Geth, Nethermind, Besu, Erigon and Reth.
 */
export const methodTable: Readonly<Record<string, MethodRow>> = {
  // Chain and client
  eth_blockNumber: light,
  eth_chainId: light,
  eth_syncing: light,
  eth_protocolVersion: light,
  eth_accounts: light,
  eth_coinbase: light,
  eth_mining: light,
  eth_hashrate: light,
  eth_config: light,
  eth_capabilities: light,
  net_version: light,
  net_listening: light,
  net_peerCount: light,
  web3_clientVersion: light,
  web3_sha3: light,
  rpc_modules: light,

  // Fees
  eth_gasPrice: light,
  eth_maxPriorityFeePerGas: light,
  eth_blobBaseFee: light,
  eth_baseFee: light,
  eth_feeHistory: mediumAt(1),

  // Blocks
  eth_getBlockByNumber: mediumAt(0),
  eth_getBlockByHash: mediumAt(0),
  eth_getBlockReceipts: mediumAt(0),
  eth_getHeaderByNumber: lightAt(0),
  eth_getHeaderByHash: lightAt(0),
  eth_getBlockTransactionCountByNumber: lightAt(0),
  eth_getBlockTransactionCountByHash: lightAt(0),
  eth_getUncleCountByBlockNumber: lightAt(0),
  eth_getUncleCountByBlockHash: lightAt(0),
  eth_getUncleByBlockNumberAndIndex: lightAt(0),
  eth_getUncleByBlockHashAndIndex: lightAt(0),
  eth_getBlockAccessList: mediumAt(0),
  eth_getBlockAccessListByBlockNumber: mediumAt(0),
  eth_getBlockAccessListByBlockHash: mediumAt(0),

  // Transactions and receipts
  eth_getTransactionByHash: light,
  eth_getTransactionReceipt: light,
  eth_getTransactionByBlockNumberAndIndex: lightAt(0),
  eth_getTransactionByBlockHashAndIndex: lightAt(0),
  eth_getTransactionBySenderAndNonce: light,
  eth_getRawTransactionByHash: light,
  eth_getRawTransactionByBlockNumberAndIndex: lightAt(0),
  eth_getRawTransactionByBlockHashAndIndex: lightAt(0),
  eth_pendingTransactions: medium,
  eth_sendRawTransaction: { cost: 'medium', repeat: 'rawTransaction' },
  // Answers with a receipt, so a known transaction cannot be answered with its hash.
  eth_sendRawTransactionSync: never,
  eth_sendRawTransactionConditional: never,
  eth_sendPrivateTransaction: never,
  eth_sendPrivateRawTransaction: never,
  eth_cancelPrivateTransaction: never,
  eth_sendBundle: never,
  eth_sendTransaction: never,
  eth_sign: never,
  eth_signTransaction: never,
  eth_signTypedData_v4: never,
  eth_resend: never,
  eth_submitWork: never,
  eth_submitHashrate: never,

  // State
  eth_getBalance: lightAt(1),
  eth_getCode: lightAt(1),
  eth_getTransactionCount: lightAt(1),
  eth_getStorageAt: lightAt(2),
  eth_getStorageValues: mediumAt(1),
  eth_getAccount: lightAt(1),
  eth_getAccountInfo: lightAt(1),
  eth_getProof: mediumAt(2),

  // Execution
  eth_call: mediumAt(1),
  eth_estimateGas: mediumAt(1),
  eth_createAccessList: mediumAt(1),
  eth_fillTransaction: medium,
  eth_simulateV1: heavyAt(1),
  eth_callMany: heavy,
  eth_callBundle: heavy,

  // Logs, filters, subscriptions
  eth_getLogs: heavy,
  eth_newFilter: { cost: 'light', filter: 'creates' },
  eth_newBlockFilter: { cost: 'light', filter: 'creates' },
  eth_newPendingTransactionFilter: { cost: 'light', filter: 'creates' },
  // A poll takes what it reads off the filter: asking again would lose events.
  eth_getFilterChanges: { cost: 'medium', filter: 'uses', repeat: 'never' },
  eth_getFilterLogs: { cost: 'heavy', filter: 'uses' },
  eth_uninstallFilter: { cost: 'light', filter: 'uses', repeat: 'never' },
  eth_subscribe: { cost: 'light', repeat: 'never' },
  eth_unsubscribe: { cost: 'light', repeat: 'never' },

  // Transaction pool
  txpool_status: light,
  txpool_inspect: medium,
  txpool_content: medium,
  txpool_contentFrom: light,

  // debug
  debug_getRawBlock: heavyAt(0),
  debug_getRawHeader: heavyAt(0),
  debug_getRawReceipts: heavyAt(0),
  debug_getRawTransaction: heavy,
  debug_getRawTransactions: heavyAt(0),
  debug_getBadBlocks: heavy,
  debug_getModifiedAccountsByNumber: heavyAt(0),
  debug_getModifiedAccountsByHash: heavyAt(0),
  debug_accountRange: heavyAt(0),
  debug_storageRangeAt: heavyAt(0),
  debug_dumpBlock: heavyAt(0),
  debug_intermediateRoots: heavyAt(0),
  debug_executionWitness: heavyAt(0),
  debug_executionWitnessByBlockHash: heavyAt(0),
  debug_traceBlock: heavy,
  debug_traceBlockByNumber: heavyAt(0),
  debug_traceBlockByHash: heavyAt(0),
  debug_traceTransaction: heavy,
  debug_traceCall: heavyAt(1),
  debug_traceCallMany: heavy,
  debug_setHead: never,

  // trace
  trace_block: heavyAt(0),
  trace_call: heavyAt(2),
  trace_callMany: heavyAt(1),
  trace_filter: heavy,
  trace_get: heavy,
  trace_rawTransaction: heavy,
  trace_replayBlockTransactions: heavyAt(0),
  trace_replayTransaction: heavy,
  trace_transaction: heavy,

  // Erigon and Otterscan
  erigon_blockNumber: lightAt(0),
  erigon_forks: light,
  erigon_getHeaderByNumber: lightAt(0),
  erigon_getHeaderByHash: lightAt(0),
  erigon_getBlockByTimestamp: medium,
  erigon_getBlockReceiptsByBlockHash: mediumAt(0),
  erigon_getLogs: heavy,
  erigon_getLogsByHash: heavyAt(0),
  erigon_getLatestLogs: heavy,
  ots_getApiLevel: light,
  ots_getBlockDetails: mediumAt(0),
  ots_getBlockDetailsByHash: mediumAt(0),
  ots_getBlockTransactions: mediumAt(0),
  ots_getContractCreator: medium,
  ots_getInternalOperations: heavy,
  ots_getTransactionBySenderAndNonce: medium,
  ots_getTransactionError: heavy,
  ots_hasCode: lightAt(1),
  ots_searchTransactionsAfter: heavy,
  ots_searchTransactionsBefore: heavy,
  ots_traceTransaction: heavy,
}

/** Beginnings of names that only read, for methods without a row. */
export const readingPrefixes: readonly { readonly prefix: string; readonly cost: MethodTraits['cost'] }[] = [
  { prefix: 'eth_get', cost: 'medium' },
  { prefix: 'debug_trace', cost: 'heavy' },
  { prefix: 'debug_get', cost: 'heavy' },
  { prefix: 'trace_', cost: 'heavy' },
  { prefix: 'net_', cost: 'light' },
  { prefix: 'web3_', cost: 'light' },
  { prefix: 'txpool_', cost: 'medium' },
  { prefix: 'erigon_get', cost: 'medium' },
  { prefix: 'ots_', cost: 'medium' },
]
