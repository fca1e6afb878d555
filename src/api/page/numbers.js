import { html, useState } from './dom.js';
import { get } from './api.js';
import { useData } from './live.js';
import { Plot } from './plot.js';
import { to, useTitle } from './route.js';
import { COMPONENT_STATUSES, COMPONENT_TYPES, REPORT_STATUSES } from './terms.js';
import { Ago, Badge, Empty, Facts, Heading, Progress, Shown, Table } from './ui.js';
import { number, percent, plain, span, title } from './words.js';

/** @typedef {import('../../core/report/view.js').ReportStatistics} Statistics */
/** @typedef {import('../../core/report/view.js').ComponentStatusSummary} ComponentSummary */
/** @typedef {import('../../metrics/metrics.js').HandoffMetrics} Metrics */

const DAYS = 14;
const DAY_MS = 86_400_000;

/** Handoffs of each of the last days: one question a day, three at a time. @param {AbortSignal} signal */
async function handoffDays(signal) {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const starts = Array.from({ length: DAYS }, (_, i) => today - (DAYS - 1 - i) * DAY_MS);
  /** @type {Metrics[]} */
  const found = [];
  const queue = starts.entries();
  const lane = async () => {
    for (const [i, since] of queue)
      found[i] = await get(
        '/metrics',
        { since: new Date(since).toISOString(), until: new Date(since + DAY_MS).toISOString() },
        signal,
      );
  };
  await Promise.all([lane(), lane(), lane()]);
  return { days: starts.map((s) => new Date(s).toISOString().slice(0, 10)), handoffs: found.map((m) => m.handoffs) };
}

export function NumbersPage() {
  useTitle('Numbers');
  const [fresh, setFresh] = useState(0);
  const query = fresh > 0 ? { force_refresh: true } : {};
  const reports = useData(
    async (signal) => {
      const [statistics, components] = await Promise.all([
        get('/statistics', query, signal),
        get('/components/status', query, signal),
      ]);
      return {
        statistics: /** @type {Statistics} */ (statistics),
        components: /** @type {ComponentSummary} */ (components),
      };
    },
    [fresh],
    { still: true },
  );
  const handoffs = useData(
    async (signal) => ({
      all: /** @type {Metrics} */ (await get('/metrics', {}, signal)),
      byDay: await handoffDays(signal),
    }),
    [fresh],
    { still: true },
  );
  return html`<${Heading}>Numbers<//>
    <p class="buttons">
      <button type="button" onClick=${() => setFresh((n) => n + 1)}>Compute anew</button>
      ${reports.data ? html`<small>computed <${Ago} at=${reports.data.statistics.computed_at} /></small>` : null}
    </p>
    <section aria-labelledby="of-handoffs">
      <h2 id="of-handoffs">Handoffs</h2>
      <${Shown} from=${handoffs}
        >${(/** @type {{ all: Metrics, byDay: Awaited<ReturnType<typeof handoffDays>> }} */ { all, byDay }) => html`<${Handoffs} all=${all} byDay=${byDay} />`}<//
      >
    </section>
    <section aria-labelledby="of-reports">
      <h2 id="of-reports">Reports</h2>
      <${Shown} from=${reports}
        >${(/** @type {{ statistics: Statistics, components: ComponentSummary }} */ { statistics, components }) => html`<${Reports} s=${statistics} c=${components} />`}<//
      >
    </section>`;
}

/** @param {number | undefined} ms */
const seconds = (ms) => (ms === undefined ? null : Math.round(ms / 100) / 10);

/** @param {{ all: Metrics, byDay: Awaited<ReturnType<typeof handoffDays>> }} props */
function Handoffs({ all, byDay: { days, handoffs } }) {
  const { handoffs: h } = all;
  if (h.total === 0) return html`<${Empty}>No handoff yet. <code>handoff run FILE</code> starts one.<//>`;
  const { durationMs: d } = h;
  return html`<${Facts}
      of=${[
        ['Started', number(h.total)],
        ['Open', number(h.open)],
        ['Success', percent(h.successRate)],
        ['Median', span(d.p50)],
        ['95 % within', span(d.p95)],
        ['Retries', number(h.retries.total)],
      ]}
    />
    <div class="plots">
      <${Plot}
        title="Throughput"
        unit="handoffs a day"
        bars
        days=${days}
        series=${[{ name: 'started', color: 'busy', values: handoffs.map((x) => x.total) }]}
      />
      <${Plot}
        title="Success"
        unit="% of those that closed"
        days=${days}
        series=${[{ name: 'completed', color: 'good', values: handoffs.map((x) => (x.successRate === null ? null : Math.round(x.successRate * 1000) / 10)) }]}
      />
      <${Plot}
        title="Duration"
        unit="seconds, of those that completed"
        days=${days}
        series=${[
          {
            name: 'median',
            color: 'busy',
            values: handoffs.map((x) => (x.durationMs.count > 0 ? seconds(x.durationMs.p50) : null)),
          },
          {
            name: '95 %',
            color: 'wait',
            values: handoffs.map((x) => (x.durationMs.count > 0 ? seconds(x.durationMs.p95) : null)),
          },
        ]}
      />
    </div>`;
}

/** @param {number | undefined} hours */
const hoursOf = (hours) => (hours === undefined ? '–' : span(hours * 3_600_000));

/** @param {{ s: Statistics, c: ComponentSummary }} props */
function Reports({ s, c }) {
  if (s.total === 0) return html`<${Empty}>No reports yet. <a href=${to('reports', 'new')}>Write the first</a>.<//>`;
  const days = s.by_day.map((d) => d.day);
  return html`<${Facts}
      of=${[
        ['Reports', number(s.total)],
        ...REPORT_STATUSES.map((status) => [
          title(status),
          html`<a href="#/reports?status=${status}"
            >${number(s.by_status[/** @type {keyof typeof s.by_status} */ (status)])}</a
          >`,
        ]),
        [
          'Handed in to reviewed',
          html`${hoursOf(s.review_hours.mean)} <small>95 %: ${hoursOf(s.review_hours.p95)}</small>`,
        ],
        [
          'Reviewed to signed off',
          html`${hoursOf(s.approval_hours.mean)} <small>95 %: ${hoursOf(s.approval_hours.p95)}</small>`,
        ],
        ['Quality, by reviewers', percent(s.quality.mean_score)],
        [
          'Coverage, from facts',
          s.quality.mean_coverage === undefined ? '–' : `${number(s.quality.mean_coverage, 1)} %`,
        ],
        ['Amendment cycles', `${number(s.amendment_cycles.mean, 1)} (most ${s.amendment_cycles.max})`],
      ]}
    />
    <div class="plots">
      <${Plot}
        title="Reports a day"
        days=${days}
        series=${[
          { name: 'created', color: 'dim', values: s.by_day.map((d) => d.created) },
          { name: 'handed in', color: 'wait', values: s.by_day.map((d) => d.submitted) },
          { name: 'approved', color: 'good', values: s.by_day.map((d) => d.approved) },
        ]}
      />
    </div>
    <h3>What holds most up</h3>
    <${Table}
      caption="Bottlenecks"
      head=${['What', 'How many', 'Oldest', 'Mean wait']}
      empty="Nothing is held up."
      rows=${s.bottlenecks.map((b) => ({ key: b.what, cells: [b.what, number(b.count), html`<${Ago} at=${b.oldest_since} />`, hoursOf(b.mean_hours)] }))}
    />
    <h3>Components</h3>
    <${Table}
      caption="Components over all reports"
      head=${['Component', 'Mean progress', 'By status', 'Blockers']}
      rows=${COMPONENT_TYPES.map((type) => {
        const one = c.components[/** @type {keyof typeof c.components} */ (type)];
        return {
          key: type,
          cells: [
            title(type),
            html`<${Progress} value=${one.mean_progress} label="Mean progress of ${plain(type)}" />`,
            html`<span class="tally"
              >${COMPONENT_STATUSES.filter((st) => one.by_status[/** @type {keyof typeof one.by_status} */ (st)] > 0).map((st) => html`<span>${one.by_status[/** @type {keyof typeof one.by_status} */ (st)]} <${Badge} of=${st} /></span>`)}</span
            >`,
            one.blockers.length === 0
              ? '–'
              : html`<ul>
                  ${one.blockers.slice(0, 5).map((b) => html`<li><a href=${to('reports', b.report_id)}>${b.report_id}</a>: ${b.text}</li>`)}
                </ul>`,
          ],
        };
      })}
    />`;
}
