import { formatListen, type ListenAddress } from '../config/listen.ts'
import { UsageError } from './failure.ts'

const another = 'choose another address with --listen HOST:PORT or the key "listen".'
const explanations: Readonly<Record<string, readonly [what: string, nextStep: string]>> = {
  EADDRINUSE: ['is in use by another program', `Stop that program, or ${another}`],
  EACCES: ['may not be listened on by this user', `Take a port above 1023, or ${another}`],
  EADDRNOTAVAIL: ['is no address of this machine', `Write one of its addresses, or ${another}`],
  ENOTFOUND: ['is no host name that this machine knows', `Write an IP address, or ${another}`],
}

/** Turns the system's refusal to listen into a sentence; every other error comes back as it is. */
export function explainListenError(error: unknown, listen: ListenAddress): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const found = 'code' in cause ? explanations[String(cause.code)] : undefined
    if (found !== undefined) return new UsageError(`${formatListen(listen)} ${found[0]}.`, found[1], error)
  }
  return error
}
