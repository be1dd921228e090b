import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import type { CommittedSubDag } from '../../consensus/types.ts'
import { DrawbridgeError } from '../../core/errors.ts'
import type { CommitConsumer } from '../seams.ts'

/** One line of the file. */
export interface CommitLine {
  readonly index: number
  readonly digest: string
  readonly leader: { readonly round: number; readonly author: number }
  readonly timestampMs: number
  /** SHA-256 of each transaction in order, without those that a quorum rejected. */
  readonly transactions: readonly string[]
}

/** Bytes looked at from the end for the last whole line. */
const tailBytes = 64 * 1024

/**
 * A consumer that appends one JSON line per commit to a file. Its cursor is the last whole line: what a crash tore is
 * cut off and delivered again, so the file holds every commit once.
 */
export class CommitFile implements CommitConsumer {
  readonly #fd: number
  readonly #failed: (error: Error) => void
  readonly #cursor: number
  #lines: string[] = []
  #acknowledge: (() => void)[] = []
  #writing = false
  #closed: (() => void) | undefined

  /** @throws DrawbridgeError `COMMITS_UNREADABLE` when the file is there and is not ours. */
  constructor(path: string, failed: (error: Error) => void) {
    this.#failed = failed
    try {
      fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      this.#fd = fs.openSync(path, 'a+', 0o600)
      this.#cursor = cutTornLine(this.#fd)
    } catch (cause) {
      throw new DrawbridgeError('COMMITS_UNREADABLE', `The file of commits ${path} cannot be continued.`, {
        nextStep: 'Check that it is a file that a validator wrote; move it away to begin anew from what the log keeps.',
        cause,
      })
    }
  }

  cursor(): number {
    return this.#cursor
  }

  deliver(subDag: CommittedSubDag, done: () => void): void {
    this.#lines.push(`${JSON.stringify(lineOf(subDag))}\n`)
    this.#acknowledge.push(done)
    if (!this.#writing) this.#write()
  }

  /** Waits for what is being written. */
  close(done: () => void): void {
    this.#closed = done
    if (!this.#writing) this.#write()
  }

  /** Everything that came while the last write was under way goes out together. */
  #write(): void {
    const text = this.#lines.join('')
    const acknowledge = this.#acknowledge
    this.#lines = []
    this.#acknowledge = []
    if (text === '') {
      if (this.#closed !== undefined) fs.close(this.#fd, this.#closed)
      return
    }
    this.#writing = true
    fs.appendFile(this.#fd, text, (problem) => {
      if (problem !== null) this.#failed(problem)
      else this.#sync(acknowledge)
    })
  }

  #sync(acknowledge: readonly (() => void)[]): void {
    fs.fdatasync(this.#fd, (problem) => {
      if (problem !== null) {
        this.#failed(problem)
        return
      }
      // Acknowledging may deliver more, which must wait in #lines until the loop below goes on.
      for (const done of acknowledge) done()
      this.#writing = false
      this.#write()
    })
  }
}

function lineOf({ commitRef, leader, timestampMs, blocks, rejectedTransactions }: CommittedSubDag): CommitLine {
  const rejected = new Map(rejectedTransactions.map(({ block, rejects }) => [block.digest, new Set(rejects)]))
  const transactions: string[] = []
  for (const { ref, block } of blocks) {
    const without = rejected.get(ref.digest)
    for (let at = 0; at < block.transactions.length; at++) {
      if (without?.has(at) !== true) transactions.push(hashOf(block.transactions.at(at)))
    }
  }
  const { round, author } = leader
  return { index: commitRef.index, digest: commitRef.digest, leader: { round, author }, timestampMs, transactions }
}

function hashOf(transaction: Uint8Array): string {
  return createHash('sha256').update(transaction).digest('hex')
}

/** Cuts what follows the last line end and gives the index of the last line, 0 when there is none. */
function cutTornLine(fd: number): number {
  const { size } = fs.fstatSync(fd)
  for (let bytes = tailBytes; ; bytes *= 4) {
    const tail = Buffer.alloc(Math.min(size, bytes))
    fs.readSync(fd, tail, 0, tail.length, size - tail.length)
    const end = tail.lastIndexOf('\n')
    const start = end <= 0 ? -1 : tail.lastIndexOf('\n', end - 1)
    if (start === -1 && tail.length < size) continue
    fs.ftruncateSync(fd, size - tail.length + end + 1)
    return end === -1 ? 0 : indexOf(tail.subarray(start + 1, end))
  }
}

function indexOf(line: Buffer): number {
  const { index } = JSON.parse(line.toString()) as CommitLine
  if (Number.isSafeInteger(index) && index > 0) return index
  throw new DrawbridgeError('COMMITS_UNREADABLE', 'The last line of the file of commits has no index.')
}
