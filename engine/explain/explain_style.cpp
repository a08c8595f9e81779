#include "engine/explain/explain_page.h"

namespace nabla {

std::string_view page_style() {
  return R"css(
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --ink: #1d1f24; --muted: #636873; --rule: #dedfe3; --tint: #f4f4f1;
  --product: #2460b5; --pointwise: #d1622b; --reduction: #2c8a5b; --random: #a23b8f; --movement: #7d818c;
  --plain: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif;
  --code: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17181c; --ink: #e4e5e9; --muted: #9da2ae; --rule: #35373e; --tint: #202227;
    --product: #7aa9f0; --pointwise: #f0945f; --reduction: #63c593; --random: #d886c8; --movement: #8b8f9a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 0.9375rem/1.5 var(--plain); }
main { max-width: 80rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 1.25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; line-height: 1.35; margin: 3.5rem 0 0; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 2.25rem 0 0.6rem; }
p { margin: 0 0 1rem; max-width: 46rem; color: var(--muted); }
.product { --c: var(--product); } .pointwise { --c: var(--pointwise); } .reduction { --c: var(--reduction); }
.random { --c: var(--random); } .movement { --c: var(--movement); }
.facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1rem 1.25rem; margin: 1.25rem 0;
  border-top: 1px solid var(--rule); border-bottom: 1px solid var(--rule); padding: 1rem 0; }
.facts div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.facts dt { font-size: 0.8rem; color: var(--muted); }
.facts dd { margin: 0; font-weight: 620; font-size: 1.4rem; letter-spacing: -0.02em; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
table.sortable { min-width: 100%; }
th { font-weight: 600; text-align: left; vertical-align: bottom; border-bottom: 1.5px solid var(--ink); white-space: nowrap; }
th, td { padding: 0.35rem 1.25rem 0.35rem 0; }
td { border-bottom: 1px solid var(--rule); vertical-align: top; white-space: nowrap; }
td.what { min-width: 15rem; max-width: 24rem; white-space: normal; }
td.names { min-width: 7rem; max-width: 11rem; white-space: normal; }
.number { text-align: right; }
th:last-child, td:last-child { padding-right: 0; }
th[tabindex] { cursor: pointer; }
th[aria-sort]::after { content: " \2191"; }
th[aria-sort=descending]::after { content: " \2193"; }
tr:target td { background: var(--tint); }
td small { display: inline-block; min-width: 3.4em; color: var(--muted); font-size: inherit; }
.leaves { margin-top: 1.25rem; }
.bar { min-width: 8.5rem; }
.bar i { display: block; height: 4px; margin-top: 3px; border-radius: 2px; background: var(--c); }
.swatch { display: inline-block; width: 0.65rem; height: 0.65rem; border-radius: 2px; background: var(--c); margin-right: 0.5rem; }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: 2px; }
summary { cursor: pointer; }
pre { font: 0.8125rem/1.5 var(--code); background: var(--tint); margin: 0.4rem 0; padding: 0.5rem 0.75rem; border-radius: 5px;
  overflow-x: auto; }
figure { margin: 0; }
figcaption, .strip, .ticks { font-size: 0.8125rem; color: var(--muted); }
figcaption { margin-top: 0.6rem; max-width: 46rem; }
.strip { margin: 0.75rem 0 0.25rem; }
.strip b { color: var(--ink); font-weight: 600; }
svg { display: block; width: 100%; background: var(--tint); border: 1px solid var(--rule); }
svg.arena { height: 20rem; }
svg.results { height: 6rem; }
svg rect { fill: var(--c); stroke: var(--paper); stroke-width: 1px; vector-effect: non-scaling-stroke; }
svg rect.thin { stroke: none; }
svg path { fill: none; stroke: var(--paper); stroke-width: 1px; stroke-dasharray: 3 2; vector-effect: non-scaling-stroke; }
svg g:hover rect { fill: var(--ink); }
.ticks { position: relative; height: 1.4rem; }
.ticks span { position: absolute; top: 0.15rem; transform: translateX(-50%); white-space: nowrap; }
.ticks span:first-child { transform: none; }
.ticks span:last-child { transform: translateX(-100%); }
@media (max-width: 40rem) {
  main { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  .facts { grid-template-columns: 1fr 1fr; }
  .facts dd { font-size: 1.2rem; }
  svg.arena { height: 14rem; }
  th, td { padding-right: 0.55rem; }
  td.what { min-width: 9rem; max-width: 9rem; overflow-wrap: anywhere; }
  pre { white-space: pre-wrap; }
  .bar { min-width: 5rem; }
  .bar small { display: block; }
}
)css";
}

std::string_view page_script() {
  return R"js(
document.querySelectorAll("table.sortable").forEach(function (table) {
  var heads = Array.from(table.tHead.rows[0].cells), body = table.tBodies[0];
  heads.forEach(function (head, column) {
    var sort = function () {
      var numeric = head.classList.contains("number");
      var was = head.getAttribute("aria-sort");
      var down = was ? was === "ascending" : numeric;
      var key = function (row) {
        var cell = row.cells[column];
        return numeric ? Number(cell.dataset.v) : cell.textContent;
      };
      var rows = Array.from(body.rows).sort(function (a, b) {
        var x = key(a), y = key(b);
        return (numeric ? x - y : x.localeCompare(y)) * (down ? -1 : 1);
      });
      rows.forEach(function (row) { body.appendChild(row); });
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    };
    head.tabIndex = 0;
    head.addEventListener("click", sort);
    head.addEventListener("keydown", function (event) { if (event.key === "Enter") sort(); });
  });
});
)js";
}

}  // namespace nabla
