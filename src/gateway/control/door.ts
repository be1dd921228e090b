import type { Exchange } from '../../http/types.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { type StatusSnapshot, unreadyBecause } from './snapshot.ts'

/** Answers of `/health`, `/ready`, `/status` and `/metrics`. */
export interface ControlDoors {
  health(exchange: Exchange): void
  ready(exchange: Exchange): void
  status(exchange: Exchange): void
  metrics(exchange: Exchange): void
}

const fresh = ['Cache-Control', 'no-store']

/** The doors through which operators and their tools look at a gateway. */
export function controlDoors(snapshot: () => StatusSnapshot, metrics: Metrics): ControlDoors {
  return {
    health: readOnly((exchange) => exchange.respond(200, ['Content-Type', 'text/plain', ...fresh], 'OK\n')),
    ready: readOnly((exchange) => {
      const reasons = unreadyBecause(snapshot())
      respondJson(exchange, reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons })
    }),
    status: readOnly((exchange) => respondJson(exchange, 200, snapshot())),
    metrics: readOnly((exchange) => {
      void metrics.text().then((text) => exchange.respond(200, ['Content-Type', metrics.contentType, ...fresh], text))
    }),
  }
}

function readOnly(answer: (exchange: Exchange) => void): (exchange: Exchange) => void {
  return (exchange) => {
    if (exchange.method === 'GET' || exchange.method === 'HEAD') answer(exchange)
    else exchange.respond(405, ['Content-Type', 'text/plain', 'Allow', 'GET, HEAD'], 'This address is read with GET.\n')
  }
}

function respondJson(exchange: Exchange, status: number, value: unknown): void {
  exchange.respond(status, ['Content-Type', 'application/json', ...fresh], `${JSON.stringify(value)}\n`)
}
