import type { Storage } from '../storage/storage.js';
import { retriesOf, undoneOf } from './handoffs.js';
import {
  BUCKETS,
  handoffHistory,
  openByLabels,
  phaseHistory,
  pipelineHistory,
  validationHistory,
  type Bucketed,
} from './history.js';
import { OTHER, keeping } from './labels.js';
import type { PresentState, ServerMetrics } from './metrics.js';
import { pipelineTotals } from './pipelines.js';
import { presentState } from './present.js';
import { reliabilityCounts } from './reliability.js';
import type { SeriesName } from './series.js';
import { sessionCounts, verdictsOf } from './validation.js';

type Labels = Record<string, string>;

/** One value of a metric; of a histogram one of its buckets, its sum or its count. */
interface Sample {
  labels: Labels;
  value: number;
  suffix?: '_bucket' | '_sum' | '_count';
}

export type Samples = Partial<Record<SeriesName, Sample[]>>;

const one = (value: number): Sample[] => [{ labels: {}, value }];

/** The samples of equal labels as one each. */
function summed(samples: readonly Sample[]): Sample[] {
  const sums = new Map<string, Sample>();
  for (const sample of samples) {
    const key = JSON.stringify([sample.suffix, sample.labels]);
    const sum = sums.get(key);
    if (sum) sum.value += sample.value;
    else sums.set(key, { ...sample });
  }
  return [...sums.values()];
}

const histogram = (rows: readonly Bucketed[]): Sample[] =>
  summed(
    rows.flatMap(({ labels, buckets, count, sumSeconds }): Sample[] => [
      ...BUCKETS.map((le, i) => ({
        labels: { ...labels, le: String(le) },
        value: buckets[i]!,
        suffix: '_bucket' as const,
      })),
      { labels: { ...labels, le: '+Inf' }, value: count, suffix: '_bucket' },
      { labels, value: sumSeconds, suffix: '_sum' },
      { labels, value: count, suffix: '_count' },
    ]),
  );

/** All that the database says: counters and histograms of all time, whatever Temporal has forgotten. */
export async function databaseSamples(storage: Storage): Promise<Samples> {
  const { db } = storage;
  const present = await presentState(storage, {});
  return {
    ...(await handoffSamples(storage)),
    ...(await validationSamples(storage)),
    ...presentSamples(present),
    ...(await pipelineSamples(storage)),
    ...(await reliabilitySamples(storage)),
    handoff_step_retries_total: named('step', (await retriesOf(db, {})).byStep),
    handoff_effects_undone_total: named('result', (await undoneOf(db, {})).byResult),
  };
}

const named = (label: string, values: Partial<Record<string, number>>): Sample[] => {
  const names = Object.keys(values).toSorted();
  const kept = keeping(names.map((name, first) => ({ name, first })));
  return summed(names.map((name) => ({ labels: { [label]: kept(name) ? name : OTHER }, value: values[name] ?? 0 })));
};

async function handoffSamples({ db }: Storage): Promise<Samples> {
  const closed = await handoffHistory(db);
  const open = await openByLabels(db);
  const nameOf = ({ procedure = '', type = '' }: Labels): string => JSON.stringify([procedure, type]);
  const all = [
    ...closed.map((row) => ({ name: nameOf(row.labels), first: row.first })),
    ...open.map((row) => ({ name: nameOf({ procedure: row.procedure, type: row.type }), first: row.first })),
  ];
  const kept = keeping(all);
  const bounded = (labels: Labels): Labels =>
    kept(nameOf(labels)) ? labels : { ...labels, procedure: OTHER, type: OTHER };
  const rows = closed.map((row) => ({ ...row, labels: bounded(row.labels) }));
  const started = [
    ...closed.map(({ labels: { procedure = '', type = '' }, count }) => ({
      labels: { procedure, type },
      value: count,
    })),
    ...open.map(({ procedure, type, n }) => ({ labels: { procedure, type }, value: n })),
  ];
  return {
    handoff_started_total: summed(started.map((s) => ({ ...s, labels: bounded(s.labels) }))),
    handoff_closed_total: summed(rows.map(({ labels, count }) => ({ labels, value: count }))),
    handoff_duration_seconds: histogram(rows),
  };
}

async function validationSamples({ db }: Storage): Promise<Samples> {
  const history = await validationHistory(db);
  const kept = keeping(history.map((row) => ({ name: row.labels['procedure']!, first: row.first })));
  const bounded = (procedure: string): string => (kept(procedure) ? procedure : OTHER);
  const sessions = await sessionCounts(db, {});
  const result = (passed: boolean): string => (passed ? 'passed' : 'failed');
  return {
    handoff_validation_sessions_total: summed(
      sessions.map(({ procedure, passed, n }) => ({
        labels: { procedure: bounded(procedure), result: result(passed) },
        value: n,
      })),
    ),
    handoff_validation_duration_seconds: histogram(
      history.map((row) => ({ ...row, labels: { procedure: bounded(row.labels['procedure']!) } })),
    ),
    handoff_validation_rules_total: summed(
      sessions
        .flatMap(verdictsOf)
        .map(({ rule, severity, passed, n }) => ({ labels: { rule, severity, result: result(passed) }, value: n })),
    ),
  };
}

function presentSamples(now: PresentState): Samples {
  const open = Object.entries(now.open);
  const seconds = (ms: number | null): number => (ms ?? 0) / 1000;
  return {
    handoff_open: open.map(([status, w]) => ({ labels: { status }, value: w.count })),
    handoff_oldest_seconds: open.map(([status, w]) => ({ labels: { status }, value: seconds(w.oldestMs) })),
    handoff_incidents_open: one(now.incidents.count),
    handoff_incident_oldest_seconds: one(seconds(now.incidents.oldestMs)),
    handoff_acceptance_waiting: one(now.acceptance.count),
    handoff_acceptance_oldest_seconds: one(seconds(now.acceptance.oldestMs)),
    handoff_returns_overdue: one(now.returns.count),
    handoff_inbox: [
      ...Object.entries(now.inbox.agents).map(([agent, value]) => ({ labels: { agent }, value })),
      { labels: { agent: OTHER }, value: now.inbox.others },
    ],
    handoff_pipelines_open: Object.entries(now.pipelines).map(([status, value]) => ({ labels: { status }, value })),
    handoff_database_bytes: now.database
      ? [
          { labels: { file: 'database' }, value: now.database.bytes },
          { labels: { file: 'log' }, value: now.database.logBytes },
        ]
      : [],
  };
}

async function pipelineSamples({ db }: Storage): Promise<Samples> {
  const { total } = await pipelineTotals(db, {});
  const phases = await phaseHistory(db);
  const kept = keeping(phases.map((row) => ({ name: row.labels['phase']!, first: row.first })));
  const bounded = (phase: string): Labels => ({ phase: kept(phase) ? phase : OTHER });
  return {
    handoff_pipelines_started_total: one(total),
    handoff_pipeline_duration_seconds: histogram(await pipelineHistory(db)),
    handoff_pipeline_step_duration_seconds: histogram(
      phases.map((row) => ({ ...row, labels: bounded(row.labels['phase']!) })),
    ),
    handoff_pipeline_step_retries_total: summed(
      phases.map((row) => ({ labels: bounded(row.labels['phase']!), value: row.retries ?? 0 })),
    ),
  };
}

async function reliabilitySamples({ db }: Storage): Promise<Samples> {
  const { byType } = await reliabilityCounts(db, {});
  const types = Object.entries(byType);
  return {
    handoff_reliability_tests_total: types.flatMap(([type, t]) => [
      { labels: { type, result: 'passed' }, value: t.passed },
      { labels: { type, result: 'failed' }, value: t.ended - t.passed },
    ]),
    handoff_reliability_iterations_total: types.flatMap(([type, t]) =>
      Object.entries(t.outcomes).map(([outcome, value]) => ({ labels: { type, outcome }, value: value ?? 0 })),
    ),
  };
}

/** What Temporal says; nothing where it says nothing. */
export function serverSamples({ taskQueues }: ServerMetrics): Samples {
  const each = (valueOf: (q: ServerMetrics['taskQueues'][number]) => number): Sample[] =>
    taskQueues.map((q) => ({ labels: { task_queue: q.name, kind: q.kind }, value: valueOf(q) }));
  return {
    handoff_task_queue_backlog: each((q) => q.backlog),
    handoff_task_queue_backlog_age_seconds: each((q) => q.backlogAgeMs / 1000),
    handoff_task_queue_pollers: each((q) => q.pollers),
  };
}
