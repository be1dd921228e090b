import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import type { CommitRef, CommittedSubDag } from '../../consensus/types.ts'
import { DrawbridgeError } from '../../core/errors.ts'
import type { CommitConsumer } from '../seams.ts'

/** One line of the file. */
export interface CommitLine {
  /** The committee's domain: in the first line of a file only. */
  readonly committee?: string
  readonly index: number
  readonly digest: string
  readonly leader: { readonly round: number; readonly author: number }
  readonly timestampMs: number
  /** SHA-256 of each transaction in order, without those that a quorum rejected. */
  readonly transactions: readonly string[]
}

/** Bytes looked at from the end for the last whole line. */
const tailBytes = 64 * 1024
/** Stands before everything else of the first line, however long that is. */
const committeePattern = /^\{"committee":"([0-9a-f]{64})",/
const committeeBytes = 96

/**
 * A consumer that appends one JSON line per commit to a file. Its cursor is the last whole line: what a crash tore is
 * cut off and delivered again, so the file holds every commit once. The first line names the committee, since another
 * one's commits have the same numbers.
 */
export class CommitFile implements CommitConsumer {
  readonly #fd: number
  readonly #failed: (error: Error) => void
  readonly #last: CommitRef | undefined
  /** What the first line is to say; undefined once there is one. */
  #committee: string | undefined
  #lines: string[] = []
  #acknowledge: (() => void)[] = []
  #writing = false
  #closed: (() => void) | undefined

  /**
   * @param committee 32 bytes that name the committee
   * @throws DrawbridgeError `COMMITS_UNREADABLE` when the file is there and is none of a validator's,
   * `COMMITS_OF_ANOTHER_COMMITTEE`.
   */
  constructor(path: string, committee: Uint8Array, failed: (error: Error) => void) {
    this.#failed = failed
    const own = Buffer.from(committee).toString('hex')
    try {
      fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      this.#fd = fs.openSync(path, 'a+', 0o600)
      checkCommittee(this.#fd, path, own)
      this.#last = cutTornLine(this.#fd)
    } catch (cause) {
      if (cause instanceof DrawbridgeError && cause.code === 'COMMITS_OF_ANOTHER_COMMITTEE') throw cause
      throw new DrawbridgeError('COMMITS_UNREADABLE', `The file of commits ${path} cannot be continued.`, {
        nextStep: 'Check that it is a file that a validator wrote; move it away to begin anew from what the log keeps.',
        cause,
      })
    }
    if (this.#last === undefined) this.#committee = own
  }

  cursor(): number {
    return this.#last?.index ?? 0
  }

  cursorDigest(): string | undefined {
    return this.#last?.digest
  }

  deliver(subDag: CommittedSubDag, done: () => void): void {
    const committee = this.#committee
    this.#committee = undefined
    this.#lines.push(`${JSON.stringify({ ...(committee === undefined ? {} : { committee }), ...lineOf(subDag) })}\n`)
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

/** Files of earlier versions do not name their committee: their last commit is compared with the log's. */
function checkCommittee(fd: number, path: string, own: string): void {
  const head = Buffer.alloc(committeeBytes)
  const length = fs.readSync(fd, head, 0, committeeBytes, 0)
  const named = committeePattern.exec(head.toString('latin1', 0, length))?.[1]
  if (named === undefined || named === own) return
  fs.closeSync(fd)
  throw new DrawbridgeError(
    'COMMITS_OF_ANOTHER_COMMITTEE',
    `The file of commits ${path} holds the sequence of another committee or epoch.`,
    { nextStep: 'Move it away, or give this committee a file of its own with `commits`.' },
  )
}

/** Cuts what follows the last line end and gives the commit of the last line, undefined when there is none. */
function cutTornLine(fd: number): CommitRef | undefined {
  const { size } = fs.fstatSync(fd)
  for (let bytes = tailBytes; ; bytes *= 4) {
    const tail = Buffer.alloc(Math.min(size, bytes))
    fs.readSync(fd, tail, 0, tail.length, size - tail.length)
    const end = tail.lastIndexOf('\n')
    const start = end <= 0 ? -1 : tail.lastIndexOf('\n', end - 1)
    if (start === -1 && tail.length < size) continue
    fs.ftruncateSync(fd, size - tail.length + end + 1)
    return end === -1 ? undefined : refOf(tail.subarray(start + 1, end))
  }
}

function refOf(line: Buffer): CommitRef {
  const { index, digest } = JSON.parse(line.toString()) as CommitLine
  if (Number.isSafeInteger(index) && index > 0 && /^[0-9a-f]{64}$/.test(digest)) return { index, digest }
  throw new DrawbridgeError('COMMITS_UNREADABLE', 'The last line of the file of commits names no commit.')
}
