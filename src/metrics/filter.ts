import { sql, type RawBuilder } from 'kysely';
import { NOT_A_DATE, timeOrSpan } from '../core/date.js';
import { invalid, type Issue } from '../core/errors.js';
import type { MetricsFilter } from './metrics.js';

const text = (v: unknown): string | undefined =>
  typeof v === 'string' && v !== '' && v.length <= 1000 ? undefined : 'must be a text of 1 to 1000 characters';
const date = (v: unknown): string | undefined =>
  typeof v === 'number' && Number.isFinite(v) && v >= 0 && v <= 8.64e15 ? undefined : 'must be a time in milliseconds';

const FIELDS: Record<keyof MetricsFilter, (v: unknown) => string | undefined> = {
  since: date,
  until: date,
  session: text,
  procedure: text,
  type: text,
};

/** The filter without what is undefined. Throws INVALID_REQUEST, which names each field that is wrong. */
export function checkedMetricsFilter(filter: MetricsFilter): MetricsFilter {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  const issues = given.flatMap(([field, value]): Issue[] => {
    const known = Object.hasOwn(FIELDS, field);
    const message = known
      ? FIELDS[field as keyof MetricsFilter](value)
      : `unknown; possible: ${Object.keys(FIELDS).join(', ')}`;
    return message ? [{ path: `/filter/${field.slice(0, 60)}`, message }] : [];
  });
  if (issues.length > 0) throw invalid('INVALID_REQUEST', issues);
  return Object.fromEntries(given);
}

/**
 * A filter from texts, as a query or a command line has them: times are dates (ISO 8601) or spans such as `7d`. Throws
 * INVALID_REQUEST.
 */
export function parseMetricsFilter(
  given: Readonly<Record<string, string | undefined>>,
  now = Date.now(),
): MetricsFilter {
  const issues: Issue[] = [];
  const time = (field: 'since' | 'until'): number | undefined => {
    const value = given[field];
    const at = value === undefined ? undefined : timeOrSpan(value, now);
    if (value !== undefined && at === undefined)
      issues.push({ path: `/filter/${field}`, message: `${NOT_A_DATE} nor a span such as 90s or 7d` });
    return at;
  };
  const times = { since: time('since'), until: time('until') };
  if (issues.length > 0) throw invalid('INVALID_REQUEST', issues);
  return checkedMetricsFilter({ ...given, ...times });
}

/** A condition in SQL; several hold together. */
export type Condition = RawBuilder<unknown>;

export const all = (...conditions: (Condition | undefined)[]): RawBuilder<unknown> => {
  const given = conditions.filter((c) => c !== undefined);
  return given.length === 0 ? sql`1 = 1` : sql.join(given, sql` and `);
};

/** That a time column lies within the filter's times. */
export const within = ({ since, until }: MetricsFilter, column: string): Condition =>
  all(
    since === undefined ? undefined : sql`${sql.ref(column)} >= ${since}`,
    until === undefined ? undefined : sql`${sql.ref(column)} < ${until}`,
  );

/** That a row of `handoffs` is meant. */
export const ofHandoffs = (f: MetricsFilter): Condition =>
  all(
    within(f, 'created_at'),
    f.session === undefined ? undefined : sql`session = ${f.session}`,
    f.procedure === undefined ? undefined : sql`procedure = ${f.procedure}`,
    f.type === undefined ? undefined : sql`type = ${f.type}`,
  );

/** That a column has the id of a handoff that is meant; undefined where all are. In two halves, because each has an index. */
export const belongs = (f: MetricsFilter, column: string): Condition | undefined =>
  Object.keys(f).length === 0
    ? undefined
    : sql`${sql.ref(column)} in (
        select id from handoffs where closed_at is not null and ${ofHandoffs(f)}
        union all select id from handoffs where closed_at is null and ${ofHandoffs(f)})`;

/** The same for few rows, each of which is looked up; a session's handoffs are found faster than that. */
export const belongsEach = (f: MetricsFilter, column: string): Condition | undefined =>
  f.session !== undefined || Object.keys(f).length === 0
    ? belongs(f, column)
    : sql`exists (select 1 from handoffs where id = ${sql.ref(column)} and ${ofHandoffs(f)})`;
