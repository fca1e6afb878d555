import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { checkedFilter, isParty, type HandoffFilter } from '../core/filter.js';
import { STATUSES, isClosed } from '../core/handoff.js';
import { REPAIR_TYPE, handoffIdOf, repairedIdOf } from '../core/ids.js';
import type { ListMemo, Party, Priority } from '../core/request.js';
import { SEARCH_KEYS, quoted } from '../core/search-keys.js';
import type { HandoffSummary } from './summary.js';

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
/** What a run is shown as. */
export const STATUS_KEY = keyword(SEARCH_KEYS.status);
const BLOCKED = keyword(SEARCH_KEYS.reasonBlocked);
const STEP = keyword(SEARCH_KEYS.step);
const SESSION = keyword(SEARCH_KEYS.session);
const SOURCE = keyword(SEARCH_KEYS.source);
const TARGET = keyword(SEARCH_KEYS.target);
const PRIORITY = keyword(SEARCH_KEYS.priority);
const EXPIRY = defineSearchAttributeKey(SEARCH_KEYS.expiry, SearchAttributeType.DATETIME);

/**
 * Handoffs by what Temporal's visibility knows of their runs. The query narrows as far as it can say it; the rest is
 * compared here, so that a filter means what it means with storage. Throws INVALID_REQUEST.
 */
export async function visibleHandoffs(
  temporal: Client,
  given: HandoffFilter,
  /** Only of runs on this task queue. */
  taskQueue?: string,
): Promise<HandoffSummary[]> {
  const filter = checkedFilter(given);
  const found = new Map<string, HandoffSummary>();
  const query = [queryFor(filter), ...(taskQueue ? [`TaskQueue = ${quoted(taskQueue)}`] : [])].join(' AND ');
  for await (const run of temporal.workflow.list({ query })) {
    const summary = summaryOfRun(run);
    // Open runs come first, then those that closed last: of a run and what took its place, the latter.
    if (!summary || found.has(summary.handoffId) || !fits(filter, summary)) continue;
    found.set(summary.handoffId, summary);
    if (found.size >= (filter.limit ?? Infinity)) break;
  }
  return [...found.values()];
}

function queryFor(f: HandoffFilter): string {
  const is = (key: string, value: string | undefined): string[] => (value ? [`${key} = ${quoted(value)}`] : []);
  // The attribute has a phase only where no agent is named: what may be a phase's name is compared below.
  const party = (key: string, name: string | undefined): string[] => (name?.startsWith('@') ? is(key, name) : []);
  // A run that failed before it could say so is one that failed.
  const status = f.status === 'failed' ? ["(HandoffStatus = 'failed' OR ExecutionStatus = 'Failed')"] : undefined;
  return [
    "WorkflowId STARTS_WITH 'handoff/'",
    "ExecutionStatus != 'ContinuedAsNew'",
    ...(status ?? is(SEARCH_KEYS.status, f.status)),
    ...is(SEARCH_KEYS.session, f.session),
    ...is(SEARCH_KEYS.priority, f.priority),
    ...party(SEARCH_KEYS.source, f.source),
    ...party(SEARCH_KEYS.target, f.target),
    ...(f.procedure ? [`WorkflowType IN (${quoted(f.procedure)}, '${REPAIR_TYPE}')`] : []),
    ...(f.blocked ? [`${SEARCH_KEYS.reasonBlocked} STARTS_WITH ${quoted(f.blocked)}`] : []),
    ...(f.startedAfter === undefined ? [] : [`StartTime >= '${new Date(f.startedAfter).toISOString()}'`]),
    ...(f.open ? ["ExecutionStatus = 'Running'"] : []),
  ].join(' AND ');
}

const fits = (f: HandoffFilter, h: HandoffSummary): boolean =>
  (f.status === undefined || f.status === h.shown) &&
  (f.procedure === undefined || f.procedure === h.procedure) &&
  (f.source === undefined || isParty(h.source ?? {}, f.source)) &&
  (f.target === undefined || isParty(h.target ?? {}, f.target)) &&
  (f.blocked === undefined || h.blocked?.startsWith(f.blocked) === true) &&
  (f.startedAfter === undefined || h.createdAt >= f.startedAfter) &&
  (f.startedBefore === undefined || h.createdAt < f.startedBefore);

/** What visibility has on one run; undefined for a run that is no handoff's. */
function summaryOfRun(run: WorkflowExecutionInfo): HandoffSummary | undefined {
  const handoffId = handoffIdOf(run.workflowId) ?? repairedIdOf(run.workflowId);
  if (!handoffId) return undefined;
  const attributes = run.typedSearchAttributes;
  const running = run.status.name === 'RUNNING';
  const shown = shownFor(attributes.get(STATUS_KEY), run);
  const blocked = running ? attributes.get(BLOCKED) : undefined;
  const step = running ? attributes.get(STEP) : undefined;
  const expiry = running ? attributes.get(EXPIRY) : undefined;
  const session = attributes.get(SESSION);
  const memo = (run.memo?.['handoff'] ?? {}) as Partial<ListMemo>;
  const source = memo.source ?? partyFrom(attributes.get(SOURCE));
  const target = memo.target ?? partyFrom(attributes.get(TARGET));
  const priority = attributes.get(PRIORITY);
  return {
    handoffId,
    status: shown,
    shown,
    ...(blocked === undefined ? {} : { blocked }),
    ...(step === undefined ? {} : { step }),
    ...(expiry === undefined ? {} : { expiresAt: expiry.getTime() }),
    procedure: memo.procedure ?? run.type,
    ...(session === undefined ? {} : { session }),
    ...(priority === undefined ? {} : { priority: priority as Priority }),
    ...(source ? { source } : {}),
    ...(target ? { target } : {}),
    createdAt: memo.createdAt ?? run.startTime.getTime(),
    ...(run.closeTime ? { closedAt: run.closeTime.getTime() } : {}),
  };
}

/** A run that closed without saying so itself is shown as Temporal closed it. */
function shownFor(attribute: string | undefined, run: WorkflowExecutionInfo): string {
  const { name } = run.status;
  const believed = attribute !== undefined && (name === 'RUNNING' || CLOSED.has(attribute));
  return believed ? attribute : name.toLowerCase();
}

const CLOSED: ReadonlySet<string> = new Set(STATUSES.filter(isClosed));

/** A source or target as the attribute has it: the agent, else `phase 8`, else `anyone`. */
function partyFrom(text: string | undefined): Party | undefined {
  if (text === undefined) return undefined;
  const phase = /^phase (.+)$/.exec(text)?.[1];
  return phase ? { phase } : text === 'anyone' ? {} : { agent: text };
}
