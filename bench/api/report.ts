import Table from 'cli-table3';
import { median, quantile, round, spreadOf, type Spread } from '../stats.js';
import type { Question, Side } from './lanes.js';

/** What one lane did in one round, times in milliseconds. */
export interface ApiSample {
  question: Question;
  side: Side;
  atATime: number;
  perSecond: number;
  latencies: number[];
  p50: number;
}

const NAMES: Record<Side, string> = {
  api: 'the API',
  direct: 'the database directly',
  temporal: 'bare Temporal: start and update',
};

interface Figures {
  perSecond: number;
  p50: number;
  p99: number;
  requests: number;
}

const figuresOf = (samples: readonly ApiSample[]): Figures => {
  const latencies = samples.flatMap((s) => s.latencies);
  return {
    perSecond: round(median(samples.map((s) => s.perSecond)), 1),
    p50: round(quantile(latencies, 0.5)),
    p99: round(quantile(latencies, 0.99)),
    requests: latencies.length,
  };
};

/** One at a time: our median time ÷ theirs. At more: their rate ÷ ours. Above 1 the API costs so many times as much. */
const costOf = (ours: readonly ApiSample[], theirs: readonly ApiSample[]): Spread =>
  spreadOf(ours.map((o, i) => (o.atATime === 1 ? o.p50 / theirs[i]!.p50 : theirs[i]!.perSecond / o.perSecond)));

/** Of a create: our time ÷ that of the writes and the bare workflow one after the other, each of the same round. */
function costOfBoth(ours: readonly ApiSample[], all: readonly (readonly ApiSample[])[]): Spread {
  const time = (s: ApiSample): number => (s.atATime === 1 ? s.p50 : 1000 / s.perSecond);
  return spreadOf(ours.map((o, i) => time(o) / all.reduce((sum, side) => sum + time(side[i]!), 0)));
}

interface Row {
  question: Question;
  atATime: number;
  sides: Map<Side, ApiSample[]>;
}

function rowsOf(samples: readonly ApiSample[]): Row[] {
  const rows = new Map<string, Row>();
  for (const s of samples) {
    const key = `${s.atATime} ${s.question}`;
    const row = rows.get(key) ?? { question: s.question, atATime: s.atATime, sides: new Map<Side, ApiSample[]>() };
    row.sides.set(s.side, [...(row.sides.get(s.side) ?? []), s]);
    rows.set(key, row);
  }
  const order: Question[] = ['get', 'list', 'dashboard', 'dashboard, anew', 'create'];
  return [...rows.values()].toSorted(
    (a, b) => a.atATime - b.atATime || order.indexOf(a.question) - order.indexOf(b.question),
  );
}

const others = ({ sides }: Row): [Side, ApiSample[]][] => [...sides].filter(([side]) => side !== 'api');
const shown = ({ median: mid, min, max }: Spread): string => `${round(mid)} × (${round(min)}–${round(max)})`;

/** For people: a table for each concurrency. */
export function apiTables(samples: readonly ApiSample[]): string {
  const rows = rowsOf(samples);
  const parts = [...new Set(rows.map((r) => r.atATime))].map((atATime) => {
    const table = new Table({
      head: ['', '', 'per s', 'p50 ms', 'p99 ms', 'asked', 'the API costs'],
      colAligns: ['left', 'left', ...Array<'right'>(5).fill('right')],
      style: { head: [], border: [], compact: true },
    });
    for (const row of rows.filter((r) => r.atATime === atATime)) {
      const api = row.sides.get('api')!;
      const line = (side: Side, of: ApiSample[], name: string, cost: string): void => {
        const { perSecond, p50, p99, requests } = figuresOf(of);
        table.push([name, NAMES[side], perSecond, p50, p99, requests, cost]);
      };
      const rest = others(row);
      const both =
        rest.length > 1
          ? shown(
              costOfBoth(
                api,
                rest.map(([, s]) => s),
              ),
            ) + ' both'
          : '';
      line('api', api, row.question, both);
      for (const [side, s] of rest) line(side, s, '', shown(costOf(api, s)));
    }
    return `${atATime} at a time\n${table.toString()}`;
  });
  const legend =
    'per s: median of the rounds. p50, p99: of all requests. The API costs: median (least–most) of the rounds, of the time (1 at a time) or of the rate (more).';
  return [...parts, legend].join('\n\n');
}

/** For machines: one line. */
export function apiSummary(samples: readonly ApiSample[]): string {
  const found: Record<string, Record<string, unknown>> = {};
  for (const row of rowsOf(samples)) {
    const api = row.sides.get('api')!;
    const rest = others(row);
    const rounded = ({ median: mid, min, max }: Spread): number[] => [mid, min, max].map((n) => round(n));
    const sides = Object.fromEntries([...row.sides].map(([side, s]) => [side, figuresOf(s)]));
    const costs = Object.fromEntries(rest.map(([side, s]) => [side, rounded(costOf(api, s))]));
    const both =
      rest.length > 1
        ? {
            both: rounded(
              costOfBoth(
                api,
                rest.map(([, s]) => s),
              ),
            ),
          }
        : {};
    (found[row.question] ??= {})[`at${row.atATime}`] = { ...sides, cost: { ...costs, ...both } };
  }
  return JSON.stringify({
    reports: 10_000,
    rounds: samples.filter((s) => s.question === 'get' && s.side === 'api' && s.atATime === 1).length,
    ...found,
  });
}
