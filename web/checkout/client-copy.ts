/** The button that copies the link, where the browser lets a page do so. */
export function offerCopy(): void {
  const button = document.getElementById('copy')!
  if (!navigator.clipboard) return
  button.hidden = false
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById('url')!.textContent ?? '')
    document.getElementById('copied')!.textContent = button.dataset.done ?? ''
  })
}
