/** What the customer's pages have beside the checkout's style: lists of things with small actions. */
export const style = `
.portal .ref{margin-top:.125rem}
.rooms{display:grid}
.room{padding:1.5rem 1.25rem;display:flex;flex-direction:column;gap:1.25rem;min-width:0}
.room+.room{border-top:1px solid var(--line);background:var(--tint)}
.room h1,.act h1{font-size:1.375rem;font-weight:700;letter-spacing:-.01em}
.room section{display:flex;flex-direction:column;gap:1.25rem}
.plan-name{margin:0;font-size:1.0625rem;line-height:1.35;display:flex;flex-wrap:wrap;align-items:center;gap:.375rem .625rem}
.items{list-style:none;display:grid;gap:.875rem}
.items li{padding:1rem 1.125rem;display:grid;gap:.5rem;background:var(--card);border:1px solid var(--line);border-radius:.875rem}
.items li:target{border-color:var(--accent);box-shadow:0 0 0 1px var(--accent)}
.chip{display:inline-block;padding:.0625rem .625rem;border:1px solid var(--line);border-radius:1rem;font-size:.8125rem;font-weight:600;line-height:1.5;color:var(--soft);background:var(--tint)}
.chip.good{color:var(--good);border-color:currentColor;background:none}
.chip.bad{color:var(--bad);border-color:currentColor;background:none}
.chip.warn{color:var(--ontest);border-color:transparent;background:var(--test)}
.price{font-weight:600;font-variant-numeric:tabular-nums}
.soft{color:var(--soft)}
.owed{padding:.75rem 1rem;border:1px solid var(--bad);border-radius:.75rem;display:grid;gap:.25rem}
.owed strong{color:var(--bad)}
.acts{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem .75rem}
.acts .main,.acts .plain{padding:.5625rem 1rem}
.link{min-height:2.75rem;padding:.625rem 0;display:inline-block;border:0;background:none;color:var(--accent);font:inherit;text-decoration:underline;text-underline-offset:.2em}
.link:hover{color:var(--over)}
.line,.pick{display:flex;align-items:center;gap:.875rem}
.line+.acts{padding-left:3.375rem;gap:0 1.25rem}
.face{flex:none;width:2.5rem;height:1.75rem;border-radius:.3125rem;background:linear-gradient(var(--soft),var(--soft)) 0 .375rem/100% .3125rem no-repeat,var(--line)}
.name{min-width:0;font-weight:600}
.name small{display:block;font-weight:400;font-size:.8125rem;color:var(--soft)}
.name small.bad{color:var(--bad)}
fieldset{margin:0;padding:0;border:0;min-width:0}
form .ways{margin-bottom:1.25rem}
.pick{min-height:3.75rem;padding:.625rem 1rem;border:1px solid var(--line);border-radius:.875rem;cursor:pointer}
.pick:hover{border-color:var(--accent)}
.pick:has(:checked){border-color:var(--accent);box-shadow:0 0 0 1px var(--accent)}
.pick:has(:disabled){cursor:default;border-style:dashed;border-color:var(--line)}
.pick input{flex:none;width:1.25rem;height:1.25rem;margin:0;accent-color:var(--accent)}
.status .done{color:var(--ink);align-self:center;margin:0}
button.plain{width:100%}
.acts button.plain{width:auto}
@media (min-width:30rem){.room{padding:1.75rem 2rem}.portal{width:36rem}}
@media (min-width:64rem){
.portal:has(.rooms){width:64rem}
.rooms{grid-template-columns:7fr 5fr;min-height:26rem}
.room{padding:2.25rem}
.room+.room{border-top:0;border-left:1px solid var(--line)}
}
@media (forced-colors:active){.face{border:1px solid}}
`
  .trim()
  .replace(/\n/g, '')
