import type { Effect } from '../rpc/error-classes.ts'

/** What each word of an {@link Effect} means, for `drawbridge explain` and for docs/errors.md. */
export const effectWords: Readonly<Record<Effect['retry'] | Effect['remember'] | Effect['client'], string>> = {
  no: 'this is the answer',
  nothing: 'no trace is kept',
  asReceived: 'the error, byte for byte as the upstream sent it',
  rawTransactionOnce: 'one other upstream is asked, for `eth_sendRawTransaction` only',
  elsewhere: 'another upstream is asked at once, when the method may be repeated',
  archive: 'an upstream that holds older data is asked, else any other',
  unsupportedMethod: 'this upstream is not asked for this method again',
  methodNotFound: 'code -32601, when no upstream has the method',
  split: 'smaller calls would do; this version passes the error on, so make the range or the filter smaller',
  limit: 'the upstream takes less at once than was asked for',
  historyBound: 'how far back the data of this upstream reaches',
  backOff:
    'the upstream gets this method last for a while, and no calls when a probe is told so too; `Retry-After` counts',
  limited: 'HTTP 429 with `Retry-After`, when all upstreams say so',
  cordon: 'the upstream gets no calls for ten minutes when a probe is refused too, until one is answered',
  ownError: "an error of Drawbridge's own without a word of the upstream's",
  succeed: "the client gets the transaction's hash, as if it had been new",
  success: 'a result',
  lookUpHash: 'the transaction is looked up by its hash; found means success',
  notEligible: 'a probe looks at once; when it finds the same the upstream gets no calls until one passes',
  compare:
    'one other upstream is asked: the same error there is the answer and nobody is blamed; otherwise its answer is taken',
}
