import { sql } from 'kysely';
import type { Severity } from '../core/procedure.js';
import type { Db } from '../storage/database.js';
import { all, belongs, within, type Condition } from './filter.js';
import type { MetricsFilter, RuleCount, ValidationCounts } from './metrics.js';
import { between, ratio } from './spans.js';

const SEVERITIES: Record<string, Severity> = { c: 'critical', h: 'high', m: 'medium', l: 'low' };

/** Sessions that said the same: `verdicts` as {@link verdictsText} makes it. */
export interface SessionCount {
  procedure: string;
  passed: boolean;
  verdicts: string;
  n: number;
}

/** One rule's verdict, so many times. */
export interface RuleVerdict {
  rule: string;
  severity: Severity;
  passed: boolean;
  n: number;
}

/** Which validation sessions a filter means: their procedure is on record, session and type are their handoff's. */
function meant(f: MetricsFilter): Condition {
  const { session, type } = f;
  const theirs = { ...(session === undefined ? {} : { session }), ...(type === undefined ? {} : { type }) };
  const procedure = f.procedure === undefined ? undefined : sql`validations.procedure = ${f.procedure}`;
  return all(within(f, 'started_at'), procedure, belongs(theirs, 'validations.handoff'));
}

export async function sessionCounts(db: Db, f: MetricsFilter): Promise<SessionCount[]> {
  const { rows } = await sql<{ procedure: string; passed: number; verdicts: string; n: number }>`
    select procedure, passed, verdicts, count(*) as n from validations
    where ${meant(f)} group by procedure, passed, verdicts`.execute(db);
  return rows.map((r) => ({ ...r, passed: Number(r.passed) === 1, n: Number(r.n) }));
}

export const verdictsOf = ({ verdicts, n }: Pick<SessionCount, 'verdicts' | 'n'>): RuleVerdict[] =>
  verdicts.split(' ').flatMap((text) => {
    const [, rule, letter = '', sign] = /^(.+)([chml])([+-])$/.exec(text) ?? [];
    return rule === undefined ? [] : [{ rule, severity: SEVERITIES[letter]!, passed: sign === '+', n }];
  });

/** What validation sessions and each of their rules said. */
export async function validationCounts(db: Db, f: MetricsFilter): Promise<ValidationCounts> {
  const counts = await sessionCounts(db, f);
  const sum = (list: readonly SessionCount[]): number => list.reduce((total, c) => total + c.n, 0);
  const [sessions, passed] = [sum(counts), sum(counts.filter((c) => c.passed))];
  const rules: Record<string, RuleCount> = {};
  const failuresBySeverity: Record<Severity, number> = { critical: 0, high: 0, medium: 0, low: 0 };
  for (const { rule, severity, passed: good, n } of counts.flatMap(verdictsOf)) {
    const count = (rules[rule] ??= { passed: 0, failed: 0, severity, successRate: 0 });
    count[good ? 'passed' : 'failed'] += n;
    if (!good) failuresBySeverity[severity] += n;
  }
  for (const count of Object.values(rules)) count.successRate = count.passed / (count.passed + count.failed);
  const { rows: spans } = await sql<{ mean: number | null; max: number | null }>`
    select avg(d) as mean, max(d) as max from (
      select ${between('started_at', 'ended_at')} as d from validations where ${meant(f)}) as spans`.execute(db);
  const durationMs = { mean: Math.round(Number(spans[0]?.mean ?? 0)), max: Number(spans[0]?.max ?? 0) };
  const sorted = Object.fromEntries(Object.entries(rules).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { sessions, passed, successRate: ratio(passed, sessions), durationMs, rules: sorted, failuresBySeverity };
}
