/** The receipt's button; without a script the browser's own menu prints. */
export function offerPrint(): void {
  const button = document.getElementById('print')!
  button.hidden = false
  button.addEventListener('click', () => window.print())
}
