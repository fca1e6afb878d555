/**
 * The script of the page, as text: it runs in a browser, after uPlot. It draws what `#series` holds into the figures that
 * are there, and again when the page changes its width or turns dark.
 */
export const PLOTS = String.raw`
(() => {
  const series = JSON.parse(document.getElementById('series').textContent);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const ms = (v) => (v >= 10000 ? (v / 1000).toFixed(0) + ' s' : v >= 1000 ? (v / 1000).toFixed(1) + ' s' : Math.round(v) + ' ms');
  let plots = [];
  const axis = (label, values) => ({
    label, labelSize: 18, size: 56, stroke: css('--soft'), font: '12px system-ui', labelFont: '12px system-ui',
    grid: { stroke: css('--line'), width: 1 }, ticks: { stroke: css('--line'), width: 1 },
    ...(values ? { values: (_, list) => list.map((v) => (v == null ? '' : values(v))) } : {}),
  });
  const below = (label) => ({ ...axis(label, (v) => v + ' s'), size: 36 });
  const marks = (u) => {
    const { ctx } = u;
    ctx.save();
    for (const strike of series.strikes) {
      const from = u.valToPos(strike.at, 'x', true);
      const to = Math.max(from + 2, u.valToPos(strike.to, 'x', true));
      ctx.fillStyle = css(strike.fired ? '--strike' : '--unfired');
      ctx.fillRect(from, u.bbox.top, to - from, u.bbox.height);
    }
    ctx.restore();
  };
  const points = (label, color) => ({
    label, stroke: color, paths: () => null, value: (_, v) => (v == null ? '–' : ms(v)),
    points: { show: true, size: 5, fill: color, stroke: color },
  });
  const time = { label: 'after', value: (_, v) => (v == null ? '–' : v.toFixed(1) + ' s') };
  const last = Math.max(1, ...series.strikes.map((s) => s.to), series.durations.at.at(-1) || 0);
  const draw = (id, options, data) => {
    const box = document.getElementById(id);
    if (!box || data[0].length === 0) return;
    box.replaceChildren();
    const width = box.clientWidth;
    plots.push(new uPlot({ width, height: Math.max(200, Math.min(300, width * 0.45)), cursor: { drag: { x: true, y: false } }, ...options }, data, box));
  };
  const all = () => {
    for (const plot of plots) plot.destroy();
    plots = [];
    const { durations, histogram, throughput } = series;
    const x = { time: false, range: [0, last] };
    draw('durations', {
      scales: { x, y: { distr: 3, log: 10 } }, hooks: { drawClear: [marks] },
      axes: [below(''), axis('', ms)],
      series: [time, points('as told', css('--good')), points('not as told', css('--bad'))],
    }, [durations.at, durations.asTold, durations.other]);
    draw('throughput', {
      scales: { x, y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } }, hooks: { drawClear: [marks] },
      axes: [below(''), axis('')],
      series: [time, { label: 'per second', stroke: css('--good'), fill: css('--fill'), width: 2, value: (_, v) => (v == null ? '–' : v.toFixed(1)) }],
    }, [throughput.at, throughput.perSecond]);
    const slots = histogram.upTo.map((_, n) => n);
    draw('histogram', {
      scales: { x: { time: false, range: [-0.6, slots.length - 0.4] }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [{ ...axis('', (v) => (histogram.upTo[v] === undefined || v % 1 ? '' : '≤ ' + ms(histogram.upTo[v]))), size: 36, space: 70, incrs: [1, 2, 5, 10] }, axis('')],
      series: [
        { label: 'took', value: (_, v) => (v == null || histogram.upTo[v] === undefined ? '–' : 'up to ' + ms(histogram.upTo[v])) },
        { label: 'iterations', stroke: css('--good'), fill: css('--good'), paths: uPlot.paths.bars({ size: [0.8, 60] }), points: { show: false } },
      ],
    }, [slots, histogram.count]);
  };
  all();
  let width = document.body.clientWidth;
  addEventListener('resize', () => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    all();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', all);
})();
`;
