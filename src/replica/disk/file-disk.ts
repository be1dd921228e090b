import * as fs from 'node:fs'
import { join } from 'node:path'
import { DrawbridgeError } from '../../core/errors.ts'
import type { Disk } from '../seams.ts'

const segmentName = /^(\d{10})\.wal$/

interface OpenSegment {
  readonly fd: number
  size: number
  dirty: boolean
}

/**
 * The machine's disk: one file per segment in `folder`, made when missing (mode 0700). Writes reach the operating
 * system at once, so they survive the process; `sync` makes them survive the machine.
 *
 * @throws DrawbridgeError `WAL_UNREADABLE` when the folder cannot be made or read.
 */
export class FileDisk implements Disk {
  readonly #folder: string
  readonly #segments = new Map<number, OpenSegment>()
  // Callers that wait for the next flush. While one flush runs all newcomers share the one after it.
  #waiting: ((error?: Error) => void)[] = []
  #flushing = false
  #folderDirty = false
  #broken: Error | undefined
  #closing: (() => void) | undefined

  constructor(folder: string) {
    this.#folder = folder
    try {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
      for (const name of fs.readdirSync(folder).sort()) this.#openExisting(name)
    } catch (cause) {
      throw new DrawbridgeError('WAL_UNREADABLE', `The write-ahead log in ${folder} cannot be opened.`, {
        nextStep: 'Check that the folder exists and belongs to this user.',
        cause,
      })
    }
  }

  segments(): readonly number[] {
    return [...this.#segments.keys()].sort((a, b) => a - b)
  }

  size(segment: number): number {
    return this.#segments.get(segment)?.size ?? 0
  }

  read(segment: number, offset: number, length: number): Uint8Array {
    const open = this.#segments.get(segment)
    if (open === undefined) return new Uint8Array(0)
    // Not from Node's shared pool: callers keep views of blocks for long.
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, open.size - offset)))
    let filled = 0
    while (filled < bytes.length) {
      const got = fs.readSync(open.fd, bytes, filled, bytes.length - filled, offset + filled)
      if (got === 0) break
      filled += got
    }
    return bytes.subarray(0, filled)
  }

  append(segment: number, bytes: readonly Uint8Array[]): void {
    if (this.#broken !== undefined) return
    try {
      const open = this.#segments.get(segment) ?? this.#create(segment)
      let left = bytes.filter((part) => part.length > 0)
      open.dirty = true
      while (left.length > 0) {
        const written = fs.writevSync(open.fd, left)
        open.size += written
        left = rest(left, written)
      }
    } catch (cause) {
      this.#broken = diskFailed(cause)
    }
  }

  truncate(segment: number, length: number): void {
    const open = this.#segments.get(segment)
    if (open === undefined) return
    fs.ftruncateSync(open.fd, length)
    fs.fsyncSync(open.fd)
    open.size = length
  }

  sync(done: (error?: Error) => void): void {
    this.#waiting.push(done)
    if (!this.#flushing) this.#flush()
  }

  drop(segment: number): void {
    const open = this.#segments.get(segment)
    if (open === undefined) return
    this.#segments.delete(segment)
    fs.closeSync(open.fd)
    fs.rmSync(this.#path(segment), { force: true })
  }

  close(done: () => void): void {
    this.#closing = done
    if (!this.#flushing) this.#flush()
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length === 0) {
      if (this.#closing !== undefined) this.#closeAll(this.#closing)
      return
    }
    this.#flushing = true
    this.#syncDirty((error) => {
      this.#flushing = false
      for (const done of waiting) done(error)
      if (!this.#flushing) this.#flush()
    })
  }

  #syncDirty(done: (error?: Error) => void): void {
    const dirty = [...this.#segments.values()].filter((open) => open.dirty)
    if (this.#folderDirty) this.#syncFolder()
    const next = (): void => {
      const open = dirty.shift()
      if (open === undefined || this.#broken !== undefined) {
        done(this.#broken)
        return
      }
      open.dirty = false
      fs.fdatasync(open.fd, (error) => {
        // EBADF: the segment was dropped meanwhile, so nothing on it is needed.
        if (error !== null && error.code !== 'EBADF') this.#broken ??= diskFailed(error)
        next()
      })
    }
    next()
  }

  /** A new file is only there after a crash when its folder entry is. Happens once per segment. */
  #syncFolder(): void {
    this.#folderDirty = false
    try {
      const fd = fs.openSync(this.#folder, 'r')
      fs.fsyncSync(fd)
      fs.closeSync(fd)
    } catch (cause) {
      this.#broken ??= diskFailed(cause)
    }
  }

  #closeAll(done: () => void): void {
    this.#closing = undefined
    for (const { fd } of this.#segments.values()) fs.closeSync(fd)
    this.#segments.clear()
    done()
  }

  #openExisting(name: string): void {
    const number = segmentName.exec(name)?.[1]
    if (number === undefined) return
    const fd = fs.openSync(join(this.#folder, name), 'a+')
    // Dirty: the process that wrote it may have died before its last sync.
    this.#segments.set(Number(number), { fd, size: fs.fstatSync(fd).size, dirty: true })
  }

  #create(segment: number): OpenSegment {
    const open = { fd: fs.openSync(this.#path(segment), 'a+', 0o600), size: 0, dirty: true }
    this.#segments.set(segment, open)
    this.#folderDirty = true
    return open
  }

  #path(segment: number): string {
    return join(this.#folder, `${String(segment).padStart(10, '0')}.wal`)
  }
}

function rest(parts: Uint8Array[], written: number): Uint8Array[] {
  let skip = written
  let at = 0
  while (at < parts.length && skip >= parts[at]!.length) skip -= parts[at++]!.length
  return skip === 0 ? parts.slice(at) : [parts[at]!.subarray(skip), ...parts.slice(at + 1)]
}

function diskFailed(cause: unknown): DrawbridgeError {
  return new DrawbridgeError('WAL_WRITE_FAILED', 'The write-ahead log cannot be written.', {
    nextStep: 'Free or replace the disk, then start again: what was acknowledged is safe.',
    cause,
  })
}
