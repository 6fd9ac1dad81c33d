/** Every page's style, in its one `<style>`. Contrast is at least 4.5 in both schemes; targets are 44 px high. */
export const style = `
:root{color-scheme:light dark;--page:#e9edf4;--card:#fff;--tint:#f4f6fa;--ink:#0f172a;--soft:#4d5a73;--line:#d3dae6;--accent:#1d4ed8;--over:#1a43bd;--on:#fff;--good:#0a7542;--bad:#b3261e;--test:#fff1cf;--ontest:#6b4300}
@media (prefers-color-scheme:dark){:root{--page:#080b12;--card:#131926;--tint:#0f1420;--ink:#eef2fa;--soft:#a7b3ca;--line:#2c374d;--accent:#a3bcff;--over:#bccdff;--on:#0a1230;--good:#5fdb9c;--bad:#ff9c92;--test:#3b2d0c;--ontest:#ffdc94}}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;align-items:center;justify-content:center;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
h1,h2,p,ul,dl,dd,form{margin:0;padding:0}
.card{position:relative;width:100%;flex:1;background:var(--card)}
.sum{padding:1.25rem 1.25rem 1.5rem;background:var(--tint);border-bottom:1px solid var(--line)}
.act{padding:1.5rem 1.25rem;display:flex;flex-direction:column;gap:1.25rem}
.ribbon{display:inline-block;margin-bottom:1.25rem;padding:.2rem .7rem;border-radius:1rem;background:var(--test);color:var(--ontest);font-size:.8125rem}
.ribbon strong{text-transform:uppercase;letter-spacing:.05em;font-size:.75rem}
.who{display:flex;align-items:center;gap:.75rem}
.closes .who{padding-right:2.75rem}
.logo{flex:none;width:2.75rem;height:2.75rem;border-radius:.75rem;display:grid;place-items:center;background:var(--accent);color:var(--on);font-weight:700;font-size:1.25rem;object-fit:contain}
img.logo{background:#fff;border:1px solid var(--line)}
h1{font-size:1.0625rem;line-height:1.35;font-weight:600}
.amount{margin-top:1.25rem;font-size:clamp(1.75rem,9vw,2.5rem);line-height:1.15;font-weight:700;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.amount.long{font-size:clamp(1.25rem,6vw,1.75rem)}
.amount small{font-size:.875rem;font-weight:600;letter-spacing:0;color:var(--soft)}
.what{margin-top:.5rem}
.plan{margin-top:.75rem;padding-left:.75rem;border-left:3px solid var(--accent);list-style:none;color:var(--soft);font-size:.9375rem}
.plan strong{color:var(--ink)}
.ref{margin-top:.75rem;color:var(--soft);font-size:.8125rem}
.x{position:absolute;top:.75rem;right:.75rem;width:2.75rem;height:2.75rem;padding:0;display:grid;place-items:center;border:0;border-radius:50%;background:none;color:var(--soft);font-size:1.5rem;line-height:1}
.x:hover{background:var(--line);color:var(--ink)}
h2{font-size:1.125rem;line-height:1.35}
h2:focus{outline:0}
form h2{margin-bottom:.75rem}
button,.main{font:inherit;color:inherit;cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.ways{list-style:none;display:grid;gap:.625rem}
.way{width:100%;min-height:3.75rem;padding:.625rem 1rem .625rem .75rem;display:flex;align-items:center;gap:.875rem;text-align:left;background:var(--card);border:1px solid var(--line);border-radius:.875rem;font-weight:600;transition:border-color .15s,box-shadow .15s}
.way:hover{border-color:var(--accent);box-shadow:0 0 0 1px var(--accent)}
.way small{display:block;font-weight:400;font-size:.8125rem;color:var(--soft)}
.mark{flex:none;width:2.25rem;height:2.25rem;border-radius:.625rem;display:grid;place-items:center;background:var(--soft);color:#0f172a;font-weight:700}
.name{flex:1}
.go{width:.5rem;height:.5rem;border:solid var(--soft);border-width:2px 2px 0 0;transform:rotate(45deg)}
[aria-busy=true] .go{width:1.25rem;height:1.25rem;border:3px solid var(--line);border-top-color:var(--accent);border-radius:50%;animation:turn 1s linear infinite}
[aria-disabled=true]{cursor:default;opacity:.6}
[aria-busy=true]{opacity:1;border-color:var(--accent)}
.hint{margin-top:.875rem;color:var(--soft);font-size:.8125rem}
.status{display:flex;gap:.875rem}
.status.none{margin-bottom:-1.25rem}
.dot{flex:none;width:2.5rem;height:2.5rem;border-radius:50%;display:grid;place-items:center;color:var(--card);font-weight:700;font-size:1.25rem;line-height:1}
.good .dot{background:var(--good)}.bad .dot{background:var(--bad)}
.good .dot::after{content:"\\2713"}.bad .dot::after{content:"!"}
.wait .dot{border:4px solid var(--line);border-top-color:var(--accent);animation:turn 1s linear infinite}
.status p{color:var(--soft);margin-top:.25rem}
.buttons{display:grid;gap:.625rem}
.main,.plain{min-height:2.75rem;padding:.6875rem 1.25rem;border-radius:.75rem;border:1px solid var(--accent);background:var(--accent);color:var(--on);font-weight:600;text-align:center;text-decoration:none;display:block}
.main:hover{background:var(--over)}
.plain{background:none;color:var(--accent)}
.plain:hover{border-color:var(--over);color:var(--over)}
.quiet{min-height:2.75rem;padding:.5rem 1rem;border:0;background:none;color:var(--soft);text-decoration:underline;text-underline-offset:.2em;justify-self:center}
.quiet:hover{color:var(--ink)}
.error{padding:.875rem 1rem;border:1px solid var(--bad);border-radius:.75rem;display:grid;gap:.75rem}
.leave{display:grid;gap:.625rem;text-align:center}
.pair{margin-top:.625rem;display:grid;grid-template-columns:1fr 1fr;gap:.625rem}
.facts{display:grid;gap:.75rem}
.facts div{display:flex;justify-content:space-between;gap:1rem;padding-bottom:.75rem;border-bottom:1px solid var(--line)}
dt{flex:none;max-width:50%;color:var(--soft)}
dd{text-align:right;font-weight:600}
.qr{width:min(100%,15rem);margin:0 auto;padding:.75rem;border-radius:1rem;background:#fff;border:1px solid var(--line)}
.qr svg{display:block;width:100%;height:auto}
.center{text-align:center}
.url{color:var(--soft);font-size:.875rem;text-align:center}
footer{width:100%;padding:1rem;text-align:center;color:var(--soft);font-size:.8125rem;background:var(--card)}
@keyframes turn{to{transform:rotate(1turn)}}
@media (prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}
@media (min-width:30rem){
body{padding:2rem 1rem}
.card{flex:none;width:27rem;max-width:100%;border-radius:1.25rem;overflow:hidden;box-shadow:0 1px 2px #0f172a14,0 1.5rem 4rem #0f172a24}
.sum,.act{padding-left:2rem;padding-right:2rem}.sum{padding-top:1.75rem}
.act{padding-bottom:2rem}
footer{background:none}
}
@media (min-width:56rem){
.wide{width:56rem;display:grid;grid-template-columns:5fr 6fr;min-height:30rem}
.wide .sum{border:0;border-right:1px solid var(--line);padding:2.25rem}
.wide .act{padding:2.25rem;justify-content:center}
.wide.closes .act{padding-top:4rem}
.wide.closes .who{padding-right:0}
}
.framed body{background:none}
.framed footer{color:var(--soft)}
@media (min-width:30rem){.framed footer{width:auto;margin-top:1rem;padding:.375rem 1rem;border-radius:1rem;background:var(--card)}}
@media print{.act .buttons,.x,footer{display:none}body{background:none}.card{box-shadow:none}}
`
  .trim()
  .replace(/\n/g, '')
