import type { HandoffFilter } from '../core/filter.js';
import type { Storage } from '../storage/storage.js';
import { withDeadline, type Caller } from './calls.js';
import { summaryOf, type HandoffSummary } from './summary.js';
import { visibleHandoffs } from './visible.js';

/** Newest first with storage; without, the open ones first, newest first, then those that closed last. */
export async function listHandoffs(
  caller: Caller,
  storage: Storage | undefined,
  filter: HandoffFilter,
): Promise<HandoffSummary[]> {
  if (storage) return (await storage.handoffs.list(filter)).map(summaryOf);
  return withDeadline(caller, 'The list', () =>
    visibleHandoffs(caller.temporal, { ...filter, limit: filter.limit ?? 100 }),
  );
}

/** The ids of all that match at this moment, however many. */
export async function matchingIds(
  caller: Caller,
  storage: Storage | undefined,
  filter: HandoffFilter,
): Promise<string[]> {
  if (storage) return storage.handoffs.ids(filter);
  const found = await withDeadline(caller, 'The list', () => visibleHandoffs(caller.temporal, filter));
  return found.map((h) => h.handoffId);
}
