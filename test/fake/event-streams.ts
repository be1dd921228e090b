import type { Reply } from './scripted-server.ts'

interface Stream {
  readonly topics: readonly string[]
  readonly target: string
  readonly queue: Buffer[]
  wake: () => void
  ended: boolean
}

/** The event streams of a fake beacon node. */
export class EventStreams {
  /** Streams opened so far, with the target each asked for. */
  readonly opened: string[] = []
  /** The head of an answer waits for the first event, as where nothing flushes it. */
  lateHead = false
  readonly #open = new Set<Stream>()

  /** Streams open now. */
  get active(): number {
    return this.#open.size
  }

  /** Begins a stream for a request target; without a topic it is refused, as in a real node. */
  open(target: string): Reply {
    const query = new URL(target, 'http://fake').searchParams
    const topics = query.getAll('topics').flatMap((value) => value.split(','))
    this.opened.push(target)
    if (topics.length === 0) return { status: 400, headers: ['content-type', 'application/json'], body: '{"code":400}' }
    const stream: Stream = { topics, target, queue: [], wake: () => {}, ended: false }
    this.#open.add(stream)
    const closed = (): void => this.#end(stream)
    return { status: 200, headers: ['content-type', 'text/event-stream'], body: this.#flow(stream), closed }
  }

  /** Sends an event to the streams of its topic. */
  push(topic: string, data: string): void {
    const text = `event: ${topic}\ndata: ${data}\n\n`
    for (const stream of this.#open) if (stream.topics.includes(topic)) this.#give(stream, text)
  }

  /** Sends any text on every stream: comments, halves of an event, garbage. */
  raw(text: string): void {
    for (const stream of this.#open) this.#give(stream, text)
  }

  /** Ends every stream. */
  cut(): void {
    for (const stream of this.#open) this.#end(stream)
  }

  #end(stream: Stream): void {
    stream.ended = true
    this.#open.delete(stream)
    stream.wake()
  }

  #give(stream: Stream, text: string): void {
    stream.queue.push(Buffer.from(text))
    stream.wake()
  }

  async *#flow(stream: Stream): AsyncGenerator<Buffer> {
    if (!this.lateHead) yield Buffer.from(':\n\n')
    while (!stream.ended) {
      const next = stream.queue.shift()
      if (next !== undefined) yield next
      else await woken(stream)
    }
  }
}

function woken(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    stream.wake = resolve
  })
}
