#include "examples/report/html.h"

namespace nabla::report {

std::string_view style_sheet() {
  return R"css(
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --ink: #1d1f24; --muted: #6a6f7a; --rule: #dedfe3; --grid: #ebecef; --tint: #f4f4f1;
  --series-0: #2460b5; --series-1: #d1622b; --series-2: #2c8a5b; --series-3: #a23b8f;
  --series-4: #8a6d1f; --series-5: #4aa3c7; --series-6: #c23b4e; --series-7: #6b6f7b;
  --text: Charter, "Bitstream Charter", "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif;
  --plain: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif;
  --code: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17181c; --ink: #e4e5e9; --muted: #979ca8; --rule: #35373e; --grid: #27292f; --tint: #202227;
    --series-0: #7aa9f0; --series-1: #f0945f; --series-2: #63c593; --series-3: #d886c8;
    --series-4: #d3b45f; --series-5: #7fcbe8; --series-6: #ee7c8b; --series-7: #a9adb8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 var(--text); text-rendering: optimizeLegibility; -webkit-font-smoothing: antialiased;
}
main { max-width: 46rem; margin: 0 auto; padding: 4rem 1.5rem 6rem; }
h1, h2, h3 { font-family: var(--plain); line-height: 1.2; letter-spacing: -0.015em; text-wrap: balance; }
h1 { font-size: 2.1rem; font-weight: 650; margin: 0 0 1.5rem; }
h2 { font-size: 1.35rem; font-weight: 620; margin: 3.25rem 0 0.75rem; }
h3 { font-size: 1.05rem; font-weight: 620; margin: 2rem 0 0.5rem; }
p { margin: 0 0 1.1rem; max-width: 40rem; hyphens: auto; }
code { font: 0.88em var(--code); background: var(--tint); padding: 0.1em 0.3em; border-radius: 3px; }
pre {
  font: 0.82rem/1.5 var(--code); background: var(--tint); margin: 1.5rem 0; padding: 0.9rem 1.1rem;
  border-radius: 6px; overflow-x: auto;
}
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1px; margin: 1.75rem 0;
  border-top: 1px solid var(--rule); border-bottom: 1px solid var(--rule); padding: 1rem 0; }
.facts div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.facts dt { font: 0.78rem/1.4 var(--plain); color: var(--muted); }
.facts dd { margin: 0; font: 620 1.45rem/1.3 var(--plain); letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.table { overflow-x: auto; margin: 1.75rem 0; }
table { border-collapse: collapse; font: 0.9rem/1.45 var(--plain); font-variant-numeric: tabular-nums; min-width: 60%; }
th { font-weight: 600; text-align: left; vertical-align: bottom; border-bottom: 1.5px solid var(--ink); }
th, td { padding: 0.4rem 1.5rem 0.4rem 0; }
th:last-child, td:last-child { padding-right: 0; }
td { border-bottom: 1px solid var(--rule); vertical-align: top; }
.right { text-align: right; }
caption { caption-side: bottom; text-align: left; padding-top: 0.6rem; }
figure { margin: 1.75rem 0; }
caption, figcaption { font: 0.85rem/1.5 var(--plain); color: var(--muted); }
figcaption { margin-top: 0.6rem; max-width: 40rem; }
figure img { display: block; max-width: 100%; height: auto; image-rendering: pixelated; border-radius: 3px; }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: 1.75rem 0; align-items: flex-start; }
.row figure { margin: 0; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.2rem 1.25rem; margin: 0 0 0.6rem; padding: 0;
  font: 0.85rem/1.5 var(--plain); }
.legend svg { width: 1.5rem; height: 0.6rem; margin-right: 0.45rem; vertical-align: 0.05em; }
.chart > svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 12px var(--plain); fill: var(--muted); font-variant-numeric: tabular-nums; }
svg .label { font-weight: 600; fill: var(--ink); }
svg .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; fill: var(--ink); }
svg .grid { stroke: var(--grid); }
svg .base { stroke: var(--muted); }
svg .reference { stroke: var(--ink); stroke-dasharray: 5 4; stroke-width: 1.25; }
svg .line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .dashed { stroke-dasharray: 6 5; }
svg .faint { stroke-width: 1; opacity: 0.4; }
svg .point { fill: var(--paper); stroke: var(--c); stroke-width: 1.75; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--rule); font: 0.8rem/1.5 var(--plain); color: var(--muted); }
@media print { main { padding: 0; max-width: none; } figure, table { break-inside: avoid; } }
)css";
}

}  // namespace nabla::report
