import { Agent, type IncomingMessage, request } from 'node:http'
import { collect } from '../../fake/until.ts'

/** One call to repeat, and what its answer must be like. */
export interface Sample {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: (sequence: number) => string
  /** Throws, or returns a text, when the answer is wrong. */
  readonly check: (body: string, sequence: number) => string | undefined
}

export interface Outcome {
  /** Milliseconds on the clock of `performance.now()`. */
  readonly at: number
  readonly ms: number
  /** Value of `X-Drawbridge-Upstream`. */
  readonly upstream: string
  /** Undefined when the answer was right. */
  readonly problem: string | undefined
}

/** Calls at a fixed rate, whatever the answers take; every answer is checked and counted. */
export class Load {
  readonly outcomes: Outcome[] = []
  readonly #url: string
  readonly #samples: readonly Sample[]
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 512 })
  readonly #began = performance.now()
  readonly #perSecond: number
  readonly #timer: NodeJS.Timeout
  #sent = 0
  #open = 0

  constructor(url: string, perSecond: number, samples: readonly Sample[]) {
    this.#url = url
    this.#samples = samples
    this.#perSecond = perSecond
    this.#timer = setInterval(() => this.#sendDue(), 5)
  }

  /** Outcomes of calls that began after a moment. */
  since(at: number): Outcome[] {
    return this.outcomes.filter((outcome) => outcome.at >= at)
  }

  /** True when the newest `count` answers came from this upstream. */
  settledOn(upstream: string, count = 50): boolean {
    const newest = this.outcomes.slice(-count)
    return newest.length === count && newest.every((outcome) => outcome.upstream === upstream)
  }

  /** Stops calling and resolves when every call has its outcome. */
  async stop(): Promise<Summary> {
    clearInterval(this.#timer)
    while (this.#open > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    this.#agent.destroy()
    return summaryOf(this.outcomes)
  }

  #sendDue(): void {
    const due = Math.floor(((performance.now() - this.#began) / 1000) * this.#perSecond)
    // After a stop of this process itself the missed calls are not sent in one heap.
    if (due - this.#sent > this.#perSecond) this.#sent = due - this.#perSecond
    while (this.#sent < due) void this.#call(this.#sent++)
  }

  async #call(sequence: number): Promise<void> {
    const sample = this.#samples[sequence % this.#samples.length]!
    const at = performance.now()
    this.#open++
    const { upstream, problem } = await this.#outcome(sample, sequence).catch((error: Error) => ({
      upstream: '',
      problem: `no answer: ${error.message}`,
    }))
    this.#open--
    this.outcomes.push({ at, ms: performance.now() - at, upstream, problem })
  }

  async #outcome(sample: Sample, sequence: number): Promise<Pick<Outcome, 'upstream' | 'problem'>> {
    const { message, body } = await this.#exchange(sample, sequence)
    const upstream = String(message.headers['x-drawbridge-upstream'] ?? '')
    if (message.statusCode !== 200) return { upstream, problem: `status ${message.statusCode}: ${body.slice(0, 200)}` }
    return { upstream, problem: checked(sample, body, sequence) }
  }

  #exchange(sample: Sample, sequence: number): Promise<{ message: IncomingMessage; body: string }> {
    return new Promise((resolve, reject) => {
      const headers = sample.method === 'POST' ? { 'content-type': 'application/json' } : {}
      const options = { method: sample.method, agent: this.#agent, headers, timeout: 40_000 }
      const sent = request(this.#url + sample.path, options, (message) => {
        collect(message).then((body) => resolve({ message, body: String(body) }), reject)
      })
      sent.on('timeout', () => sent.destroy(new Error('40 s without an answer')))
      sent.on('error', reject)
      sent.end(sample.body?.(sequence))
    })
  }
}

function checked(sample: Sample, body: string, sequence: number): string | undefined {
  try {
    return sample.check(body, sequence)
  } catch (error) {
    return `${(error as Error).message}: ${body.slice(0, 200)}`
  }
}

export interface Summary {
  readonly calls: number
  readonly failed: number
  /** The first few failures, in words. */
  readonly problems: readonly string[]
  readonly slowestMs: number
  readonly p99Ms: number
  readonly byUpstream: Readonly<Record<string, number>>
}

function summaryOf(outcomes: readonly Outcome[]): Summary {
  const failed = outcomes.filter(({ problem }) => problem !== undefined)
  const times = outcomes.map(({ ms }) => ms).sort((a, b) => a - b)
  const byUpstream: Record<string, number> = {}
  for (const { upstream } of outcomes) byUpstream[upstream] = (byUpstream[upstream] ?? 0) + 1
  return {
    calls: outcomes.length,
    failed: failed.length,
    problems: failed.slice(0, 5).map(({ problem }) => problem ?? ''),
    slowestMs: Math.round(times.at(-1) ?? 0),
    p99Ms: Math.round(times[Math.floor(times.length * 0.99)] ?? 0),
    byUpstream,
  }
}
