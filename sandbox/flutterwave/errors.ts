/** An answer in Flutterwave's error envelope; `message` is all that an adapter can read. */
export class FlutterwaveError extends Error {
  readonly statusCode: number
  readonly body: Record<string, unknown>

  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
    this.body = { status: 'error', message, data: null }
  }
}

/** A validation or a business refusal: Flutterwave answers both with 400 (FW-ERR). */
export function refused(message: string): FlutterwaveError {
  return new FlutterwaveError(400, message)
}

/** Also for a reference that nobody has tried to pay yet. */
export function noTransaction(): FlutterwaveError {
  return refused('No transaction was found for this id')
}

export function inactiveLink(): FlutterwaveError {
  return refused('This payment link is currently inactive')
}

export function noKey(): FlutterwaveError {
  return new FlutterwaveError(401, 'Authorization required')
}

export function wrongKey(): FlutterwaveError {
  return new FlutterwaveError(401, 'merchant secret key required')
}
