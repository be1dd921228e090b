import { randomBytes } from 'node:crypto'

/** The only source of chance. Handed to whoever needs it, so that a seed replays a run. */
export interface Random {
  /** A number from 0 (included) to 1 (excluded). */
  float(): number
  /** A whole number from 0 to `below` − 1. */
  int(below: number): number
  /** `length` random bytes. Only {@link systemRandom} gives bytes fit for secrets. */
  bytes(length: number): Buffer
}

/** The machine's own chance. */
export const systemRandom: Random = {
  float: () => Math.random(),
  int: (below) => Math.floor(Math.random() * below),
  bytes: (length) => randomBytes(length),
}

/**
 * Chance that repeats: the same seed gives the same sequence on every machine (xoshiro128**, seeded by splitmix32).
 *
 * @example
 * seededRandom(7).int(100) === seededRandom(7).int(100)
 */
export function seededRandom(seed: number): Random {
  let mix = seed >>> 0
  const split = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let a = split()
  let b = split()
  let c = split()
  let d = split()
  const rotate = (x: number, k: number): number => ((x << k) | (x >>> (32 - k))) >>> 0
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5) >>> 0, 7), 9) >>> 0
    const t = (b << 9) >>> 0
    c = (c ^ a) >>> 0
    d = (d ^ b) >>> 0
    b = (b ^ c) >>> 0
    a = (a ^ d) >>> 0
    c = (c ^ t) >>> 0
    d = rotate(d, 11)
    return result
  }
  const float = (): number => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992
  return {
    float,
    int: (below) => Math.floor(float() * below),
    bytes: (length) => {
      const out = Buffer.allocUnsafe(length)
      for (let at = 0; at < length; at++) out[at] = next() & 0xff
      return out
    },
  }
}
