import {
  type BrotliOptions,
  brotliCompress,
  brotliDecompress,
  constants,
  gunzip,
  gunzipSync,
  gzip,
  inflate,
  inflateRaw,
  inflateRawSync,
  inflateSync,
  type ZlibOptions,
} from 'node:zlib'
import { CarrierError } from './types.ts'

/** The content codings that are read; gzip and br are written too. */
export type Coding = 'identity' | 'gzip' | 'deflate' | 'br'

/**
 * Bodies up to this size are decoded on the spot: a round trip through the thread pool costs more than the decoding.
 * Not so brotli: a body of any size may ask for a window of 16 MiB.
 */
const decodedAtOnce = 1024
/** What may come out on the spot: a few bytes can unfold to megabytes, and that is for the thread pool. */
const comesOutAtOnce = 65_536

/** The coding that a Content-Encoding value names; undefined for unknown ones and for more than one layer. */
export function contentCoding(value: string | undefined): Coding | undefined {
  switch (value?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return 'identity'
    case 'gzip':
    case 'x-gzip':
      return 'gzip'
    case 'deflate':
      return 'deflate'
    case 'br':
      return 'br'
    default:
      return undefined
  }
}

/**
 * Undoes a Content-Encoding.
 *
 * @param encoding The value of the Content-Encoding header, or undefined when there is none.
 * @param limit Most bytes that may come out, so that a small body cannot fill the memory.
 * @param done Called once, before or after the return: with `TOO_LARGE` over the limit, with `MALFORMED` for broken
 * bytes and for codings that {@link contentCoding} does not know.
 */
export function decodeBody(body: Buffer, encoding: string | undefined, limit: number, done: Done): void {
  const coding = contentCoding(encoding)
  if (coding === undefined) {
    done(new CarrierError('MALFORMED', 'The body has a Content-Encoding that is not supported.', true), body)
  } else if (coding === 'identity') {
    done(body.length > limit ? tooLarge() : undefined, body)
  } else if (body.length <= decodedAtOnce && coding !== 'br') decodeNow(body, coding, limit, done)
  else decodeBeside(body, coding, limit, done)
}

type Compressed = Exclude<Coding, 'identity'>
type Quick = Exclude<Compressed, 'br'>
type ZlibDone = (error: Error | null, out: Buffer) => void
type Decoder = (body: Buffer, options: ZlibOptions & BrotliOptions, done: ZlibDone) => void

function decoderOf(body: Buffer, coding: Compressed): Decoder {
  if (coding === 'gzip') return gunzip
  if (coding === 'br') return brotliDecompress
  return isZlib(body) ? inflate : inflateRaw
}

type Done = (error: CarrierError | undefined, body: Buffer) => void

function decodeBeside(body: Buffer, coding: Compressed, limit: number, done: Done): void {
  decoderOf(body, coding)(body, boundedBy(limit), (error, out) => done(error ? failure(error) : undefined, out))
}

function decodeNow(body: Buffer, coding: Quick, limit: number, done: Done): void {
  let out = body
  let broken: CarrierError | undefined
  try {
    out = decodeSync(body, coding, boundedBy(Math.min(limit, comesOutAtOnce)))
  } catch (error) {
    broken = failure(error)
  }
  if (broken?.code === 'TOO_LARGE' && limit > comesOutAtOnce) decodeBeside(body, coding, limit, done)
  else done(broken, out)
}

function decodeSync(body: Buffer, coding: Quick, options: ZlibOptions & BrotliOptions): Buffer {
  if (coding === 'gzip') return gunzipSync(body, options)
  return isZlib(body) ? inflateSync(body, options) : inflateRawSync(body, options)
}

/** zlib takes no output limit below one byte. */
function boundedBy(limit: number): { maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, limit) }
}

/** "deflate" means a zlib stream, but some senders leave its two header bytes out (RFC 9110 §8.4.1.2). */
function isZlib(body: Buffer): boolean {
  return body.length >= 2 && (body[0]! & 15) === 8 && ((body[0]! << 8) | body[1]!) % 31 === 0
}

function failure(cause: unknown): CarrierError {
  if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge()
  return new CarrierError('MALFORMED', 'The compressed body is broken.', true, cause)
}

function tooLarge(): CarrierError {
  return new CarrierError('TOO_LARGE', 'The body is larger than allowed once decompressed.', true)
}

/**
 * The coding to answer with: gzip or br when the client takes it, whichever it prefers, gzip between equals because it
 * costs less; else identity.
 *
 * @param accept The value of Accept-Encoding.
 */
export function chooseCoding(accept: string | undefined): 'identity' | 'gzip' | 'br' {
  if (accept === undefined) return 'identity'
  const weights = weightsOf(accept)
  const any = weights.get('*') ?? 0
  const gzipWeight = weights.get('gzip') ?? weights.get('x-gzip') ?? any
  const brWeight = weights.get('br') ?? any
  if (gzipWeight === 0 && brWeight === 0) return 'identity'
  if ((weights.get('identity') ?? 0) > Math.max(gzipWeight, brWeight)) return 'identity'
  return brWeight > gzipWeight ? 'br' : 'gzip'
}

function weightsOf(accept: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const item of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    weights.set(name, weight === undefined ? 1 : Number(weight.slice(2)) || 0)
  }
  return weights
}

/** Applies a coding, in the thread pool. Fast settings: an answer is compressed once and read once. */
export function encodeBody(body: Buffer, coding: 'identity' | 'gzip' | 'br', done: (encoded: Buffer) => void): void {
  const finish: ZlibDone = (error, out) => {
    if (error) throw error
    done(out)
  }
  if (coding === 'identity') done(body)
  else if (coding === 'gzip') gzip(body, { level: 1 }, finish)
  else brotliCompress(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }, finish)
}
