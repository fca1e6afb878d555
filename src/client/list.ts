import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { handoffIdOf } from '../core/ids.js';
import type { Subject } from '../core/request.js';
import { SEARCH_KEYS } from '../core/search-keys.js';
import type { HandoffFilter } from '../storage/handoffs.js';
import type { Storage } from '../storage/storage.js';
import { withDeadline, type Caller } from './calls.js';

/** A handoff in a list. Times in milliseconds; the subject is known only where there is storage. */
export interface HandoffSummary {
  handoffId: string;
  status: string;
  procedure: string;
  createdAt: number;
  closedAt?: number;
  subject?: Subject;
}

export const STATUS_KEY = defineSearchAttributeKey(SEARCH_KEYS.status, SearchAttributeType.KEYWORD);

export async function listHandoffs(
  caller: Caller,
  storage: Storage | undefined,
  filter: HandoffFilter,
): Promise<HandoffSummary[]> {
  if (!storage) return withDeadline(caller, 'The list', () => listVisible(caller, filter));
  return (await storage.handoffs.list(filter)).map(({ subject, status, createdAt, closedAt }) => ({
    handoffId: subject.handoffId,
    status,
    procedure: subject.procedure.id,
    createdAt,
    ...(closedAt === undefined ? {} : { closedAt }),
    subject,
  }));
}

async function listVisible({ temporal }: Caller, filter: HandoffFilter): Promise<HandoffSummary[]> {
  const quoted = (key: string, value: string | undefined): string[] =>
    value ? [`${key} = '${value.replaceAll("'", "''")}'`] : [];
  const query = [
    "WorkflowId STARTS_WITH 'handoff/'",
    ...quoted(SEARCH_KEYS.status, filter.status),
    ...quoted(SEARCH_KEYS.session, filter.session),
    ...quoted(SEARCH_KEYS.source, filter.source),
    ...quoted(SEARCH_KEYS.target, filter.target),
    ...quoted('WorkflowType', filter.procedure),
    ...(filter.open ? ["ExecutionStatus = 'Running'"] : []),
  ].join(' AND ');
  const found: HandoffSummary[] = [];
  for await (const w of temporal.workflow.list({ query })) {
    const handoffId = handoffIdOf(w.workflowId);
    if (!handoffId) continue;
    found.push({
      handoffId,
      status: w.typedSearchAttributes.get(STATUS_KEY) ?? w.status.name.toLowerCase(),
      procedure: w.type,
      createdAt: w.startTime.getTime(),
      ...(w.closeTime ? { closedAt: w.closeTime.getTime() } : {}),
    });
    if (found.length >= (filter.limit ?? 100)) break;
  }
  return found;
}
