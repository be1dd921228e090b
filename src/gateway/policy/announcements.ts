import { createHash } from 'node:crypto'
import type { RestCall } from '../../rpc/call.ts'

/** Clients say everything again every epoch; what is older than a few of them is nobody's word any more. */
const longestMs = 1_800_000
const maxEntries = 256
const maxBytes = 16_777_216
/** How far a body is searched for whom it speaks of, in bytes. */
const searched = 4096
const speaker = /"(?:validator_index|index|pubkey)"\s*:\s*"([^"]{1,98})"/

interface Entry {
  readonly call: RestCall
  readonly at: number
}

/**
 * The last announcement per route and per client: the fee recipients, registrations and subscriptions that every node
 * must know. A client is told from others by the first validator it speaks of. Bounded in number, bytes and age; the
 * oldest makes room.
 */
export class Announcements {
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  get size(): number {
    return this.#entries.size
  }

  /**
   * A slow node may take something after its client has said something newer: that stays.
   *
   * @param now on the gateway's clock, here and below
   */
  keep(call: RestCall, now: number): void {
    const key = keyOf(call)
    const last = this.get(key)
    if (last !== undefined && last.startedAt > call.startedAt) return
    this.#drop(key)
    if (lengthOf(call) > maxBytes) return
    this.#entries.set(key, { call, at: now })
    this.#bytes += lengthOf(call)
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= maxBytes && this.#entries.size <= maxEntries) break
      this.#drop(oldest)
    }
  }

  /** Keys of what still counts, oldest first. */
  keys(now: number): string[] {
    for (const [key, { at }] of this.#entries) if (now - at > longestMs) this.#drop(key)
    return [...this.#entries.keys()]
  }

  get(key: string): RestCall | undefined {
    return this.#entries.get(key)?.call
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= lengthOf(entry.call)
  }
}

function lengthOf({ body }: RestCall): number {
  return Buffer.isBuffer(body) ? body.length : 0
}

/** By its label: a path may be spelled in more than one way. */
function keyOf({ label, body }: RestCall): string {
  if (!Buffer.isBuffer(body)) return label
  const named = speaker.exec(body.toString('latin1', 0, searched))?.[1]
  return `${label} ${named ?? createHash('sha256').update(body).digest('base64')}`
}
