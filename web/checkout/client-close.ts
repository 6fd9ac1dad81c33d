/** A window that the checkout opened has done its part. The text stays where a browser does not close it. */
export function closeSoon(): void {
  setTimeout(() => window.close(), 1500)
}
