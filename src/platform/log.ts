import { type Logger, pino } from 'pino'

export type { Logger }

/**
 * JSON lines on standard output. Whatever could hold a secret is cut out here as a second fence; the first is that
 * bodies, headers and credentials are never handed to the log at all.
 */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        'req.headers',
        'headers',
        '*.authorization',
        '*.authentication',
        '*.secret_key',
        '*.secret',
        '*.token',
        '*.credentials',
        'body',
        '*.body',
      ],
      censor: '[cut]',
    },
    formatters: { level: (label) => ({ level: label }) },
  })
}
