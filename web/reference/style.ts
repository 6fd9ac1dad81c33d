/** The reference's style. Contrast is at least 4.5 in both schemes. */
export const style = `
:root{color-scheme:light dark;--page:#fff;--tint:#f4f6fa;--ink:#0f172a;--soft:#4d5a73;--line:#d3dae6;--accent:#1d4ed8;--good:#0a7542;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--page:#0d121c;--tint:#151c2a;--ink:#eef2fa;--soft:#a7b3ca;--line:#2c374d;--accent:#a3bcff;--good:#5fdb9c;--bad:#ff9c92}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
nav{padding:1.25rem;background:var(--tint);border-top:1px solid var(--line);font-size:.9375rem}
nav ul{list-style:none;margin:0;padding:0}
nav li{margin:0}
nav a{display:block;padding:.2rem 0;text-decoration:none}
nav a:hover{text-decoration:underline}
nav summary{padding:.3rem 0;font-weight:600;cursor:pointer}
nav details ul{padding-left:1rem}
main{padding:1.25rem;max-width:60rem;min-width:0}
h1{font-size:1.75rem;line-height:1.25;margin:.5rem 0 1rem}
h2{font-size:1.375rem;line-height:1.3;margin:3rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}
h3{font-size:1.125rem;line-height:1.35;margin:2.25rem 0 .25rem}
h2 a,h3 a{color:inherit;text-decoration:none}
h2 a:hover,h3 a:hover{text-decoration:underline}
p{margin:.5rem 0}
.address b{display:inline-block;min-width:3.75rem;color:var(--accent)}
.address .post{color:var(--good)}.address .delete{color:var(--bad)}
.who,small,caption{color:var(--soft)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.875em}
pre{overflow:auto;padding:1rem;background:var(--tint);border:1px solid var(--line);border-radius:.5rem;line-height:1.5;overflow-wrap:normal}
.wide{overflow-x:auto}
table{width:100%;border-collapse:collapse;margin:.75rem 0;font-size:.9375rem}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-top:1px solid var(--line);font-weight:400}
thead th{color:var(--soft)}
summary{cursor:pointer}
details{margin:.5rem 0}
@media (min-width:40rem){th,td{overflow-wrap:break-word}th[scope=row]{min-width:9rem}}
@media (min-width:64rem){body{display:grid;grid-template-columns:19rem minmax(0,1fr)}nav{grid-column:1;grid-row:1;position:sticky;top:0;height:100vh;overflow:auto;border-top:0;border-right:1px solid var(--line)}.to{display:none}main{padding:2rem 3rem;grid-column:2}}
`
