import { sql } from 'kysely';
import type { ReliabilityReport } from '../core/reliability/report.js';
import type { Db } from '../storage/database.js';
import type { MetricsFilter, ReliabilityCounts } from './metrics.js';
import { ratio } from './spans.js';

/** Tests that are shown one by one. */
const LATEST = 20;

/** Every reliability test that is kept, newest first. A database that has no table of them has had none. */
async function reliabilityReports(db: Db): Promise<ReliabilityReport[]> {
  const tables = await db.introspection.getTables();
  if (tables.every((t) => t.name !== 'reliability_tests')) return [];
  const { rows } = await sql<{ report: string }>`select report from reliability_tests`.execute(db);
  return rows
    .map((r) => JSON.parse(r.report) as ReliabilityReport)
    .toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt));
}

/** What reliability tests came to, by type; and the newest, one by one. */
export async function reliabilityCounts(
  db: Db,
  { since = 0, until = Infinity }: MetricsFilter,
): Promise<ReliabilityCounts> {
  const reports = (await reliabilityReports(db)).filter((r) => {
    const at = Date.parse(r.startedAt);
    return at >= since && at < until;
  });
  const passed = reports.filter((r) => r.status === 'passed').length;
  const ended = reports.filter((r) => r.status !== 'running').length;
  const byType: ReliabilityCounts['byType'] = {};
  for (const report of reports) {
    const { type } = report.configuration;
    const count = (byType[type] ??= { tests: 0, ended: 0, passed: 0, iterations: 0, asTold: 0, outcomes: {} });
    count.tests++;
    if (report.status !== 'running') count.ended++;
    if (report.status === 'passed') count.passed++;
    count.iterations += report.iterations;
    count.asTold += Math.round(report.iterations * report.successRate);
    for (const [outcome, n] of Object.entries(report.outcomes) as [keyof typeof count.outcomes, number][])
      count.outcomes[outcome] = (count.outcomes[outcome] ?? 0) + n;
  }
  const latest = reports
    .slice(0, LATEST)
    .map(({ testId, configuration: c, status, startedAt, iterations, successRate, durationMs, perSecond }) => ({
      testId,
      configuration: c.id,
      type: c.type,
      status,
      startedAt,
      iterations,
      successRate,
      durationMs,
      perSecond,
    }));
  return { tests: reports.length, passed, successRate: ratio(passed, ended), byType, latest };
}
