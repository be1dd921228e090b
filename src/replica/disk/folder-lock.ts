import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DrawbridgeError, messageOf } from '../../core/errors.ts'

/**
 * Keeps a second process out of a validator's folder: two on one log would damage it, and two with one key would
 * equivocate. A lock whose process is gone is taken over.
 *
 * @returns gives the folder free
 * @throws DrawbridgeError `FOLDER_IN_USE`, `FOLDER_UNUSABLE`
 */
export function lockFolder(folder: string): () => void {
  makeFolder(folder)
  const path = join(folder, 'lock')
  if (!tryLock(path)) {
    const holder = readFileSync(path, 'utf8')
    if (isAlive(holder)) throw inUse(folder, holder)
    rmSync(path, { force: true })
    if (!tryLock(path)) throw inUse(folder, 'unknown')
  }
  return () => rmSync(path, { force: true })
}

function tryLock(path: string): boolean {
  try {
    const fd = openSync(path, 'wx', 0o600)
    writeSync(fd, `${process.pid} ${startOf(process.pid)}`)
    closeSync(fd)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw unusable(dirname(path), error)
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw unusable(folder, cause)
  }
}

function unusable(folder: string, cause: unknown): DrawbridgeError {
  const code = (cause as NodeJS.ErrnoException).code ?? messageOf(cause)
  return new DrawbridgeError('FOLDER_UNUSABLE', `The validator cannot write into ${folder} (${code}).`, {
    nextStep: 'Name in dir a folder that this user may create and write to.',
    cause,
  })
}

/** A process id is soon given to somebody else; together with its start it names one process. */
function isAlive(holder: string): boolean {
  const [pid = '', start = ''] = holder.split(' ')
  if (!/^\d+$/.test(pid)) return false
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return startOf(Number(pid)) === start
}

/** The start of a process in the kernel's ticks; empty where the system has no /proc. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in brackets may hold spaces; the start is the 20th field after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function inUse(folder: string, holder: string): DrawbridgeError {
  const [pid] = holder.split(' ')
  return new DrawbridgeError('FOLDER_IN_USE', `Process ${pid} already runs the validator in ${folder}.`, {
    nextStep: 'Stop it first: two processes with the keys of one validator break the committee.',
  })
}
