import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { FileDisk } from './file-disk.ts'
import { entryHeaderBytes, Wal } from './wal.ts'

let folder: string
const open: FileDisk[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drawbridge-wal-'))
})
afterEach(() => {
  for (const disk of open.splice(0)) disk.close(() => {})
  rmSync(folder, { recursive: true, force: true })
})

function newDisk(): FileDisk {
  const disk = new FileDisk(folder)
  open.push(disk)
  return disk
}

const synced = (wal: Wal): Promise<void> =>
  new Promise((resolve, reject) => wal.sync((error) => (error === undefined ? resolve() : reject(error))))

function entriesOf(wal: Wal): { tag: number; text: string }[] {
  const found: { tag: number; text: string }[] = []
  for (const segment of wal.segments()) {
    wal.scan(segment, (tag, payload) => found.push({ tag, text: Buffer.from(payload).toString() }))
  }
  return found
}

const pathOf = (segment: number): string => join(folder, `${String(segment).padStart(10, '0')}.wal`)

describe('the write-ahead log', () => {
  it('gives back in order what was appended, also to the next process', async () => {
    const wal = new Wal(newDisk())
    wal.append(1, Buffer.from('a'))
    const position = wal.append(2, Buffer.from('bb'))
    assert.equal(Buffer.from(wal.read(position)).toString(), 'bb')
    await synced(wal)
    const later = new Wal(newDisk())
    later.append(3, Buffer.from(''))
    await synced(later)
    assert.deepEqual(entriesOf(later), [
      { tag: 1, text: 'a' },
      { tag: 2, text: 'bb' },
      { tag: 3, text: '' },
    ])
    assert.equal(Buffer.from(later.read(position)).toString(), 'bb')
  })

  it('lets its owner begin a new segment when an entry does not fit', async () => {
    const wal = new Wal(newDisk(), 64)
    const positions = ['x'.repeat(30), 'y'.repeat(30), 'z'.repeat(200), 'w'].map((text) => {
      if (!wal.fits(text.length) && wal.offset > 0) wal.roll()
      return wal.append(1, Buffer.from(text.slice(0, 1)), Buffer.from(text.slice(1)))
    })
    await synced(wal)
    assert.deepEqual(
      positions.map(({ segment, offset }) => [segment, offset]),
      [
        [1, 0],
        [2, 0],
        [3, 0],
        [4, 0],
      ],
    )
    assert.equal(wal.read(positions[2]!).length, 200)
  })

  it('stops at the first torn byte, whatever the cut', async () => {
    const wal = new Wal(newDisk())
    const texts = ['first', 'second', 'third']
    const ends = texts.map((text) => {
      const { offset, length } = wal.append(7, Buffer.from(text))
      return offset + entryHeaderBytes + length
    })
    await synced(wal)
    const whole = statSync(pathOf(1)).size
    for (let cut = whole; cut >= 0; cut--) {
      truncateSync(pathOf(1), cut)
      const sound: string[] = []
      const { soundBytes, tornBytes } = new Wal(newDisk()).scan(1, (_, payload) =>
        sound.push(`${Buffer.from(payload)}`),
      )
      assert.deepEqual(sound, texts.slice(0, ends.filter((end) => end <= cut).length))
      assert.equal(soundBytes + tornBytes, cut)
    }
  })

  it('takes zeros and damage for the end', async () => {
    const wal = new Wal(newDisk())
    wal.append(1, Buffer.from('kept'))
    await synced(wal)
    const sound = statSync(pathOf(1)).size
    appendFileSync(pathOf(1), Buffer.alloc(100))
    assert.deepEqual(
      new Wal(newDisk()).scan(1, () => {}),
      { soundBytes: sound, tornBytes: 100 },
    )
    const disk = newDisk()
    new Wal(disk).cut(1, sound)
    assert.equal(statSync(pathOf(1)).size, sound)
  })

  it('notices any flipped byte', async () => {
    const disk = newDisk()
    const wal = new Wal(disk)
    wal.append(9, Buffer.from('payload of the entry'))
    await synced(wal)
    const bytes = Buffer.from(disk.read(1, 0, 1000))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bad = Buffer.from(bytes)
        bad[at] = bad[at]! ^ change
        writeFileSync(pathOf(1), bad)
        const scan = wal.scan(1, () => assert.fail('a damaged entry was taken'))
        assert.equal(scan.soundBytes, 0)
        assert.throws(() => wal.read({ segment: 1, offset: 0, length: 20 }), { code: 'WAL_DAMAGED' })
      }),
    )
  })

  it('drops old segments and leaves the newer ones', async () => {
    const wal = new Wal(newDisk())
    for (let n = 0; n < 5; n++) {
      if (n > 0) wal.roll()
      wal.append(1, Buffer.from(`entry ${n}`))
    }
    await synced(wal)
    for (const segment of [1, 2, 3]) wal.drop(segment)
    assert.deepEqual(readdirSync(folder), ['0000000004.wal', '0000000005.wal'])
    assert.throws(() => wal.read({ segment: 1, offset: 0, length: 5 }), { code: 'WAL_DAMAGED' })
  })

  it('answers syncs in order, many sharing one flush', async () => {
    const wal = new Wal(newDisk())
    const answered: number[] = []
    const all = Array.from({ length: 50 }, (_, n) => {
      wal.append(1, Buffer.from(`${n}`))
      return synced(wal).then(() => answered.push(n))
    })
    await Promise.all(all)
    assert.deepEqual(answered, [...Array(50).keys()])
    assert.equal(entriesOf(wal).length, 50)
  })

  it('reports a disk that cannot be written to every later sync', async () => {
    const disk = newDisk()
    const wal = new Wal(disk)
    rmSync(folder, { recursive: true })
    wal.append(1, Buffer.from('nowhere to go'))
    await assert.rejects(synced(wal), { code: 'WAL_WRITE_FAILED' })
    await assert.rejects(synced(wal), { code: 'WAL_WRITE_FAILED' })
  })

  it('says so when the folder is a file', () => {
    const path = join(folder, 'file')
    writeFileSync(path, '')
    assert.throws(() => new FileDisk(path), { code: 'WAL_UNREADABLE' })
  })
})
