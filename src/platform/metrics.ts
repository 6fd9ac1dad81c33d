import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** One registry a process; `/metrics` prints it. Names follow Prometheus' conventions: unit last, `_total` for counters. */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time to answer, by route pattern',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 20],
      registers,
    }),
    sqlStatements: new Counter({
      name: 'sql_round_trips_total',
      help: 'Statements sent to the database',
      registers,
    }),
    channelSeconds: new Histogram({
      name: 'channel_call_duration_seconds',
      help: "Time of a provider's answer",
      labelNames: ['channel', 'operation', 'outcome', 'cause'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20],
      registers,
    }),
    webhookDeliveries: new Counter({
      name: 'webhook_deliveries_total',
      help: 'Tries to deliver an outgoing webhook',
      labelNames: ['outcome'],
      registers,
    }),
    poolWaiting: new Gauge({ name: 'sql_pool_waiting', help: 'Callers that wait for a connection', registers }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
