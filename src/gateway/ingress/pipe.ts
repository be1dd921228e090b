import type { AbortableSource, Flow } from '../../core/flow.ts'
import type { Exchange } from '../../http/types.ts'
import { noteFlown } from './reclaim.ts'

/**
 * Passes a source on into a begun answer, at the client's pace. A source that breaks off cuts the connection, so that
 * the client cannot take half an answer for a whole one.
 *
 * @param ended runs after the last byte instead of ending the answer
 */
export function pipe(source: AbortableSource, exchange: Exchange, ended: () => void): void {
  let flow: Flow | undefined
  let full = false
  exchange.onDrain = () => {
    full = false
    flow?.resume()
  }
  exchange.onClose = () => source.abort()
  flow = source.open({
    onData: (chunk) => {
      noteFlown(chunk.length)
      if (exchange.write(chunk)) return
      full = true
      flow?.pause()
    },
    onEnd: () => {
      exchange.onDrain = undefined
      ended()
    },
    onError: () => exchange.destroy(),
  })
  // The first chunks may have come, and filled the connection, before there was a flow to pause.
  if (full) flow.pause()
}
