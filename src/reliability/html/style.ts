/** The look of the page: light or dark as the reader has it, and one column on a phone. */
export const STYLE = `
:root { color-scheme: light dark; --page: #fff; --text: #1d2430; --soft: #5b6575; --line: #e1e5eb; --box: #f6f7f9;
  --good: #1a7f4e; --bad: #c62828; --warn: #9a6700; --fill: #1a7f4e22; --strike: #d9770633; --unfired: #8888882e; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --text: #e6e9ee; --soft: #9aa5b4; --line: #2a313b;
  --box: #1a2029; --good: #4cc38a; --bad: #ff7b72; --warn: #e3b341; --fill: #4cc38a22; --strike: #f0883e40; --unfired: #8b949e33; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 66rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: clamp(1.1rem, 4.4vw, 1.5rem); line-height: 1.25; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
code { background: var(--box); border-radius: 4px; padding: .1em .35em; font-size: .9em; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.25rem 0; padding: 0; }
.facts div { background: var(--box); border-radius: 8px; padding: .6rem .8rem; } .facts dt { color: var(--soft); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
details { margin-top: 1.5rem; } summary { cursor: pointer; } .plots { margin-top: 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 1rem; }
.plots .wide { grid-column: 1 / -1; } figure { margin: 0; min-width: 0; } figcaption { color: var(--soft); font-size: .9rem; margin-bottom: .25rem; }
figure > div { min-height: 200px; } .u-legend { font-size: .85rem; color: var(--soft); } .u-select { background: var(--fill); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; } td.n, th.n { text-align: right; white-space: nowrap; }
.u-legend th, .u-legend td { border: 0; padding: 0 .25rem; color: inherit; } .u-legend { width: auto; }
.bar { display: flex; height: 1.4rem; border-radius: 6px; overflow: hidden; margin: .5rem 0; gap: 2px; } .bar span { min-width: 3px; }
.completed { background: var(--good); } .undone { background: #5b8def; } .waits { background: #d9a406; } .wrong { background: var(--bad); }
.key { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin-right: .4em; }
`;
