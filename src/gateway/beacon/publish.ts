import type { Outcome, Policy, RestCall } from '../../rpc/call.ts'

/** What a node has already, because we asked another before it or asked it twice, has been published: that is success. */
export function publish(): Policy<RestCall> {
  const settle = (outcome: Outcome): Outcome =>
    outcome.verdict?.effect.retry === 'succeed' ? { ...outcome, ...published } : outcome
  return (next) => (call) => {
    const outcome = next(call)
    return outcome instanceof Promise ? outcome.then(settle) : settle(outcome)
  }
}

const published: Pick<Outcome, 'verdict' | 'answer' | 'headers'> = {
  verdict: undefined,
  answer: { kind: 'http', status: 200, body: Buffer.alloc(0) },
  headers: [],
}
