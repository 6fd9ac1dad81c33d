/** An operation that cannot be done as asked; the message says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
