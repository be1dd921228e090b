import { inspect } from 'node:util'

export interface UntilOptions {
  readonly deadlineMs?: number
  readonly intervalMs?: number
  /** What is waited for, or a function that shows what there is instead. */
  readonly describe?: string | (() => unknown)
}

/**
 * Polls until the condition holds and returns its value. An assertion that throws counts as "not yet", so a block of
 * asserts may be waited for as it is.
 *
 * @example
 * await until(() => node.callsOf('eth_chainId').length === 2, { describe: () => node.calls })
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<T> {
  const { deadlineMs = 20_000, intervalMs = 5 } = options
  const end = performance.now() + deadlineMs
  for (;;) {
    const seen = await attempt(condition)
    if (seen.holds) return seen.value as T
    if (performance.now() > end) throw timedOut(deadlineMs, options.describe, seen)
    await pause(intervalMs)
  }
}

interface Seen {
  readonly holds: boolean
  readonly value?: unknown
  readonly error?: unknown
}

async function attempt(condition: () => unknown): Promise<Seen> {
  try {
    const value = await condition()
    // A block of asserts returns nothing: not throwing is all it has to say.
    return { holds: value === undefined || Boolean(value), value }
  } catch (error) {
    return { holds: false, error }
  }
}

function timedOut(deadlineMs: number, describe: UntilOptions['describe'], seen: Seen): Error {
  const wanted = typeof describe === 'string' ? ` for ${describe}` : ''
  const shown = typeof describe === 'function' ? describe() : (seen.error ?? seen.value)
  const message = `waited ${deadlineMs} ms${wanted} in vain; seen: ${inspect(shown, { depth: 5, maxStringLength: 2000 })}`
  return new Error(message, { cause: seen.error })
}

/** Resolves after `ms` of real time. Only for letting time pass; to wait for something use {@link until}. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** All bytes of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array | string>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Gathers what a callback delivers and waits for it by count. */
export class Collected<T> {
  readonly items: T[] = []
  readonly push = (item: T): void => {
    this.items.push(item)
  }

  /** The first `count` items, as soon as there are that many. */
  async first(count: number, deadlineMs = 5000): Promise<T[]> {
    await until(() => this.items.length >= count, { deadlineMs, describe: () => this.items })
    return this.items.slice(0, count)
  }
}
