import type { ByteSource } from '../../core/flow.ts'
import { CarrierError, type Exchange } from '../../http/types.ts'

/**
 * A request body that flows by. What is wrong with it is the client's doing: `spoilt` is told before the reader, so that
 * the attempt is given up before the break can be held against its upstream.
 *
 * @param length bytes in all, when the client has declared them
 * @param limit most bytes that may pass; one more is `TOO_LARGE`
 */
export function flowingBody(
  exchange: Exchange,
  length: number | undefined,
  limit: number,
  spoilt: (error: CarrierError) => void,
): ByteSource {
  return {
    length,
    open: (reader) => {
      let passed = 0
      let over = false
      const fail = (error: CarrierError): void => {
        if (over) return
        over = true
        spoilt(error)
        reader.onError(error)
      }
      return exchange.stream({
        onData: (chunk) => {
          passed += chunk.length
          if (passed > limit) fail(new CarrierError('TOO_LARGE', 'The request body is larger than allowed.', true))
          else if (!over) reader.onData(chunk)
        },
        onEnd: () => {
          if (!over) reader.onEnd()
        },
        onError: fail,
      })
    },
  }
}
