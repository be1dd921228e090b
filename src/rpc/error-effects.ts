/** What an upstream's bad answer means to us. Inside the program only these classes exist. */
export type ErrorClass =
  | 'REVERT'
  | 'TXREJ'
  | 'CLIENT'
  | 'UNSUP'
  | 'MISS'
  | 'RANGE'
  | 'ADDR'
  | 'RATE'
  | 'BILL'
  | 'AUTH'
  | 'DUP'
  | 'NONCE'
  | 'SYNC'
  | 'NODE'
  | 'UNKNOWN'

/** What the gate does about a class of error. */
export interface Effect {
  /** The class in words, for `explain` and the docs. */
  readonly meaning: string
  /** Does it count against the upstream's health and score? */
  readonly blamed: boolean
  /**
   * The next attempt:
   * - no: this is the answer;
   * - elsewhere: another upstream, at once, if the method may be repeated;
   * - archive: an upstream known to hold older data, else any other;
   * - rawTransactionOnce: one other upstream, for a raw transaction only;
   * - split: smaller calls whose results are joined, where the method allows it;
   * - lookUpHash: ask for the transaction by its hash first; found means success;
   * - succeed: answer with the transaction's hash;
   * - compare: one other upstream; the same error there is the answer and nobody is blamed, any other outcome is
   *   taken and the first upstream is blamed as for NODE.
   */
  readonly retry: 'no' | 'elsewhere' | 'archive' | 'rawTransactionOnce' | 'split' | 'lookUpHash' | 'succeed' | 'compare'
  /**
   * What is remembered of the upstream: that it lacks the method; how far its history reaches; how much it takes at
   * once; that it asked us to slow down; that it is out of use until re-tried much later; that it is not eligible until a
   * probe says otherwise.
   */
  readonly remember: 'nothing' | 'unsupportedMethod' | 'historyBound' | 'limit' | 'backOff' | 'cordon' | 'notEligible'
  /**
   * What the client is told when no upstream does better: the error as received; -32601; that it is limited (429); our own
   * error, without a word of the vendor's; or success.
   */
  readonly client: 'asReceived' | 'methodNotFound' | 'limited' | 'ownError' | 'success'
}

/** What each class does. A rule may differ in details: see `effect` of a {@link Verdict}. */
export const effects: Readonly<Record<ErrorClass, Effect>> = {
  REVERT: {
    meaning: 'The contract or the virtual machine refused: a valid verdict.',
    blamed: false,
    retry: 'no',
    remember: 'nothing',
    client: 'asReceived',
  },
  TXREJ: {
    meaning: 'The transaction is not acceptable: a valid verdict.',
    blamed: false,
    retry: 'rawTransactionOnce',
    remember: 'nothing',
    client: 'asReceived',
  },
  CLIENT: {
    meaning: "The call itself is wrong: the caller's mistake.",
    blamed: false,
    retry: 'no',
    remember: 'nothing',
    client: 'asReceived',
  },
  UNSUP: {
    meaning: 'The upstream does not offer the method.',
    blamed: false,
    retry: 'elsewhere',
    remember: 'unsupportedMethod',
    client: 'methodNotFound',
  },
  MISS: {
    meaning: 'The upstream does not have the data.',
    blamed: false,
    retry: 'elsewhere',
    remember: 'nothing',
    client: 'asReceived',
  },
  RANGE: {
    meaning: 'More was asked for than the upstream gives at once.',
    blamed: false,
    retry: 'split',
    remember: 'limit',
    client: 'asReceived',
  },
  ADDR: {
    meaning: 'The filter names more addresses or topics than the upstream takes.',
    blamed: false,
    retry: 'split',
    remember: 'limit',
    client: 'asReceived',
  },
  RATE: {
    meaning: 'The upstream asks us to slow down.',
    blamed: false,
    retry: 'elsewhere',
    remember: 'backOff',
    client: 'limited',
  },
  BILL: {
    meaning: 'The plan at the upstream is spent or too small.',
    blamed: false,
    retry: 'elsewhere',
    remember: 'cordon',
    client: 'ownError',
  },
  AUTH: {
    meaning: 'The upstream refuses our key.',
    blamed: false,
    retry: 'elsewhere',
    remember: 'cordon',
    client: 'ownError',
  },
  DUP: {
    meaning: 'The upstream already has the transaction.',
    blamed: false,
    retry: 'succeed',
    remember: 'nothing',
    client: 'success',
  },
  NONCE: {
    meaning: 'The nonce is used: the transaction may be mined already.',
    blamed: false,
    retry: 'lookUpHash',
    remember: 'nothing',
    client: 'asReceived',
  },
  SYNC: {
    meaning: 'The upstream is still catching up with the chain.',
    blamed: false,
    retry: 'elsewhere',
    remember: 'notEligible',
    client: 'ownError',
  },
  NODE: {
    meaning: 'The upstream failed to do its work, or to do it in time.',
    blamed: true,
    retry: 'elsewhere',
    remember: 'nothing',
    client: 'ownError',
  },
  UNKNOWN: {
    meaning: 'No rule knows this error.',
    blamed: false,
    retry: 'compare',
    remember: 'nothing',
    client: 'asReceived',
  },
}

/** The JSON-RPC error object of an answer, as far as it is judged. */
export interface ErrorEvidence {
  readonly code: number | undefined
  readonly message: string
  readonly hasData: boolean
  /** Raw JSON of `data`. */
  readonly data?: Buffer | undefined
}

/** All there is to know about a bad answer. */
export interface Evidence {
  readonly method: string
  /** 0 where there was no HTTP answer, 200 where the transport has no statuses. */
  readonly httpStatus: number
  /** Undefined: there was no JSON-RPC error object (transport failure, HTML, empty body). */
  readonly error?: ErrorEvidence | undefined
  readonly notAnAnswer?: boolean | undefined
  readonly transportFailure?: boolean | undefined
  /** Whose endpoint it is, where known: see `vendorOf`. */
  readonly vendor?: string | undefined
}

/** The judgement on a bad answer. */
export interface Verdict {
  readonly class: ErrorClass
  /** Name of the rule that decided, for `explain` and logs. */
  readonly rule: string
  /** What follows: that of the class, but for rules that know better. */
  readonly effect: Effect
  /** What alone decided, so that no script or contract behind the call can have chosen it; undefined where words did. */
  readonly basis?: 'status' | 'code' | undefined
}
