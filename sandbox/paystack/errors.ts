/** An answer in Paystack's error envelope; `message` and `code` are what an adapter reads. */
export class PaystackError extends Error {
  readonly statusCode: number
  readonly body: Record<string, unknown>

  constructor(statusCode: number, message: string, more: Record<string, unknown> = {}) {
    super(message)
    this.statusCode = statusCode
    this.body = { status: false, message, ...more }
  }
}

/** HTTP 400 with type, code and next step, as the newer of Paystack's endpoints answer. */
export function invalid(
  message: string,
  code: string,
  nextStep = 'Ensure that the values you pass are valid',
): PaystackError {
  return new PaystackError(400, message, { meta: { nextStep }, type: 'validation_error', code })
}

export function missing(message: string): PaystackError {
  return invalid(message, 'missing_params', 'Ensure that all required params are passed')
}

export function invalidKey(): PaystackError {
  return new PaystackError(401, 'Invalid key')
}
