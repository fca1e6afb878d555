import type { HandoffFilter } from '../../core/filter.js';
import type { Query } from './http.js';

export const iso = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();

/** A filter as query parameters: in snake case, times as dates. */
export function filterQuery({ startedAfter, startedBefore, ...rest }: HandoffFilter): Query {
  return { ...rest, started_after: iso(startedAfter), started_before: iso(startedBefore) };
}
