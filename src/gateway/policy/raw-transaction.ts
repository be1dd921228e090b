import { derivedCall, type Outcome, type Policy, type RpcCall } from '../../rpc/call.ts'
import { firstString } from '../../rpc/params.ts'
import { transactionHash } from '../../rpc/transaction-hash.ts'

/**
 * A raw transaction is known by its hash, so sending it twice is sending it once: "already known" is success, and "nonce
 * too low" is too when the very transaction is found on the chain.
 */
export function rawTransaction(): Policy<RpcCall> {
  return (next) => (call) => {
    if (call.name !== 'eth_sendRawTransaction') return next(call)
    const lookUp = async (outcome: Outcome, hash: string): Promise<Outcome> => {
      const found = await next(derivedCall(call, 'eth_getTransactionByHash', `["${hash}"]`))
      return isFound(found) ? success(outcome, hash) : outcome
    }
    const settle = (outcome: Outcome): Outcome | Promise<Outcome> => {
      const retry = outcome.verdict?.effect.retry
      if (retry !== 'succeed' && retry !== 'lookUpHash') return outcome
      const hash = transactionHash(firstString(call.params) ?? '')
      if (hash === undefined) return outcome
      return retry === 'succeed' ? success(outcome, hash) : lookUp(outcome, hash)
    }
    const outcome = next(call)
    return outcome instanceof Promise ? outcome.then(settle) : settle(outcome)
  }
}

function isFound({ verdict, answer }: Outcome): boolean {
  return verdict === undefined && answer.kind === 'result' && answer.value[0] === 0x7b
}

function success(outcome: Outcome, hash: string): Outcome {
  return { ...outcome, verdict: undefined, answer: { kind: 'result', value: Buffer.from(`"${hash}"`) } }
}
