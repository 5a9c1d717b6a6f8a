"""The style sheet of the HTML page: dark and light as the reader's system is, readable in print."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  --paper: #ffffff; --raised: #f6f7f9; --line: #dfe3e8; --ink: #1c2128; --quiet: #656d78;
  --link: #0b5cad; --focus: #0b5cad;
  --full: #1a7f4b; --full-back: #dcf5e6;
  --part: #8a5a00; --part-back: #fff0c2;
  --none: #b3261e; --none-back: #ffe0dd;
  --tip: #1c2128; --tip-ink: #f6f7f9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --raised: #1a2029; --line: #2d3540; --ink: #dde3ea; --quiet: #8f9aa7;
    --link: #7db8f5; --focus: #7db8f5;
    --full: #63d297; --full-back: #12351f;
    --part: #f0c05a; --part-back: #43330a;
    --none: #ff938a; --none-back: #4d1a17;
    --tip: #e8edf2; --tip-ink: #12161c;
  }
}
* { box-sizing: border-box }
html { scroll-padding-top: 4rem }
body {
  margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 6rem;
  background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
}
a { color: var(--link); text-underline-offset: .15em }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 2px }
.skip { position: absolute; left: -100vw }
.skip:focus { left: 1rem; top: .5rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1.2rem }
.number { font-variant-numeric: tabular-nums }

.cards { display: flex; flex-wrap: wrap; gap: 1rem }
.card {
  flex: 1 1 14rem; display: grid; gap: .1rem; padding: 1rem 1.2rem;
  background: var(--raised); border: 1px solid var(--line); border-radius: 10px;
}
.card strong { font-size: 2rem; line-height: 1.1; font-variant-numeric: tabular-nums }
.card > span:not(.bar) { color: var(--quiet) }
.card.full strong { color: var(--full) }
.card.part strong { color: var(--part) }
.card.none strong { color: var(--none) }
.bar {
  display: block; height: .45rem; border-radius: 1rem; overflow: hidden; background: var(--line);
}
.card .bar { margin-top: .6rem }
.bar i { display: block; height: 100%; background: currentColor }
.bar.full { color: var(--full) }
.bar.part { color: var(--part) }
.bar.none { color: var(--none) }

.index { width: 100%; margin: 2rem 0 1rem; border-collapse: collapse }
.index th, .index td {
  padding: .5rem .8rem; border-bottom: 1px solid var(--line); text-align: left;
}
.index thead th { color: var(--quiet); font-weight: 500; font-size: .85rem }
.index tbody th { font-weight: 500; overflow-wrap: anywhere }
.index .rate { width: 34%; min-width: 9rem }
.rate { white-space: nowrap }
.rate .bar { display: inline-block; width: calc(100% - 4.5rem); vertical-align: middle }
.rate .number { display: inline-block; width: 4rem; text-align: right }

.legend { color: var(--quiet); font-size: .85rem; line-height: 2.1 }
.legend .p { color: var(--ink); margin-right: .8rem }

.file { margin-top: 3rem }
h2 {
  position: sticky; top: 0; z-index: 2; margin: 0; padding: .7rem 0;
  display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem 1.2rem;
  background: var(--paper); border-bottom: 1px solid var(--line);
  font-size: 1.1rem; overflow-wrap: anywhere;
}
h2 small { font-weight: 500; font-size: .85rem }
small.full, p.full { color: var(--full) }
small.part { color: var(--part) }
small.none { color: var(--none) }
.warning {
  padding: .6rem .9rem; border-left: 4px solid var(--part); background: var(--part-back);
}
details { margin: .8rem 0; font-size: .9rem }
summary { cursor: pointer; color: var(--quiet); width: fit-content }
details ul { margin: .4rem 0; padding-left: 1.2rem; columns: 26rem 2; column-gap: 2rem }
details li { break-inside: avoid; overflow-wrap: anywhere }
code { font: .84rem/1.65 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace }
details code { font-size: .8rem }

.code { width: 100%; margin-top: .8rem; border-collapse: collapse }
.code th {
  width: 1%; padding: 0 .7rem; text-align: right; vertical-align: top;
  border-right: 3px solid transparent; font-weight: 400; user-select: none;
}
.code th a { color: var(--quiet); text-decoration: none; font: .78rem/1.75 ui-monospace, monospace }
.code tr.full th { border-color: var(--full) }
.code tr.part th { border-color: var(--part) }
.code tr.none th { border-color: var(--none) }
.code tr:target { background: var(--raised) }
.code td { position: relative; padding: 0 0 0 .9rem }
.code code { white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4 }
.code small { margin-left: 1.6rem; font-size: .76rem; color: var(--quiet) }
.code tr.none small { color: var(--none) }
.code tr.part small { color: var(--part) }
.comment { color: var(--quiet) }

.p { border-radius: 3px; padding: .12em 0; text-underline-offset: .3em }
.p.full { background: var(--full-back) }
.p.part { background: var(--part-back); text-decoration: underline dashed var(--part) }
.p.none { background: var(--none-back); text-decoration: underline wavy var(--none) 1px }
.p.full .p.part, .p.none .p.part { text-decoration: underline dashed var(--part) }
.p.failed { box-shadow: 0 0 0 1px var(--none) }
.legend .p { padding: .12em .5em; text-decoration-line: none }
.p:target { outline: 2px solid var(--focus); outline-offset: 2px }
.p[data-tip]:hover:not(:has(.p:hover)) { outline: 2px solid var(--focus) }
.p[data-tip]:hover:not(:has(.p:hover))::after, .p[data-tip]:focus-visible::after {
  content: attr(data-tip);
  position: absolute; z-index: 3; left: .9rem; top: calc(100% + .2rem);
  width: max-content; max-width: 100%; padding: .45rem .7rem; border-radius: 6px;
  background: var(--tip); color: var(--tip-ink);
  font: .78rem/1.45 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
  white-space: pre-wrap; pointer-events: none; box-shadow: 0 4px 16px #0005;
}
.back { font-size: .85rem }
@media (max-width: 40rem) {
  body { padding: 1.2rem .8rem 4rem }
  .index .rate, .index thead th:last-child { display: none }
  .code small { display: block; margin-left: 0 }
}
@media print { h2 { position: static } .back, .skip { display: none } }
"""
