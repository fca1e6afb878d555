import { html, useEffect, useRef } from './dom.js';

/**
 * Lines or bars over days, drawn when they are seen; the same numbers stand in a table for who does not see it.
 * @param {{ title: string, unit?: string, days: string[], series: { name: string, color: string, values: (number | null)[] }[], bars?: boolean }} props
 */
export function Plot({ title, unit = '', days, series, bars = false }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const shown = JSON.stringify([days, series]);
  useEffect(() => {
    const el = box.current;
    if (!el) return undefined;
    let ended = false;
    /** @type {import('uplot') | undefined} */
    let plot;
    const draw = async () => {
      const { default: UPlot } = await import('uplot');
      if (ended) return;
      plot?.destroy();
      const style = getComputedStyle(document.documentElement);
      const color = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
      const axis = {
        stroke: color('dim'),
        grid: { stroke: color('line'), width: 1 },
        ticks: { stroke: color('line'), width: 1 },
        font: '11px system-ui',
      };
      const at = days.map((d) => Date.parse(`${d}T00:00:00Z`) / 1000);
      plot = new UPlot(
        {
          width: Math.max(240, el.clientWidth),
          height: 170,
          legend: { show: false },
          cursor: { show: false },
          tzDate: (ts) => UPlot.tzDate(new Date(ts * 1000), 'UTC'),
          scales: {
            y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.1)] },
            x: { range: (_u, min, max) => [min - 43_200, max + 43_200] },
          },
          axes: [
            {
              ...axis,
              size: 26,
              values: (_u, ticks) => ticks.map((t) => new Date(t * 1000).toISOString().slice(5, 10)),
            },
            { ...axis, size: 44 },
          ],
          series: [
            {},
            ...series.map((s) => ({
              label: s.name,
              stroke: color(s.color),
              width: 2,
              points: { show: !bars, size: 5, fill: color(s.color) },
              spanGaps: true,
              ...(bars && UPlot.paths.bars
                ? { paths: UPlot.paths.bars({ size: [0.6, 40] }), fill: color(s.color) }
                : {}),
            })),
          ],
        },
        [at, ...series.map((s) => s.values)],
        el,
      );
    };
    void draw();
    const resized = new ResizeObserver(() => plot?.setSize({ width: Math.max(240, el.clientWidth), height: 170 }));
    resized.observe(el);
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const again = () => void draw();
    dark.addEventListener('change', again);
    return () => {
      ended = true;
      resized.disconnect();
      dark.removeEventListener('change', again);
      plot?.destroy();
    };
  }, [shown]);
  return html`<figure class="plot">
    <figcaption>
      ${title}${unit ? html` <small>${unit}</small>` : null}
      <span class="legend">${series.map((s) => html`<span><i class="swatch ${s.color}"></i>${s.name}</span>`)}</span>
    </figcaption>
    <div ref=${box} aria-hidden="true"></div>
    <details>
      <summary>Numbers<span class="visually-hidden"> of ${title}</span></summary>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">Day</th>
            ${series.map((s) => html`<th scope="col">${s.name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${days.map(
            (day, i) =>
              html`<tr>
                <th scope="row">${day}</th>
                ${series.map((s) => html`<td>${s.values[i] ?? '–'}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </details>
  </figure>`;
}
