import type { WorkflowExecutionDescription } from '@temporalio/client';
import { lostHandoffs } from '../../activities/reconcile.js';
import { visibleHandoffs } from '../../client/visible.js';
import { handoffIdOf, repairWorkflowIdOf, repairedIdOf } from '../../core/ids.js';
import { SEARCH_KEYS, quoted } from '../../core/search-keys.js';
import { ago } from '../text/text.js';
import {
  bad,
  handoffs,
  handoffsAre,
  msOf,
  ok,
  some,
  warn,
  skipped,
  type Connected,
  type Finding,
  type Patient,
  type Stored,
} from './finding.js';

/** Open runs that are looked at one by one. */
const LOOKED_AT = 2000;
const AT_A_TIME = 20;
/** A workflow task that fails once or twice may be a killed worker's; an activity's own retries are three. */
const TASK_ATTEMPTS = 3;
const STEP_ATTEMPTS = 5;

/** Runs that were closed in Temporal without an outcome, and that nobody repairs. */
export async function lost({ temporal: { client }, storage }: Connected & Stored): Promise<Finding> {
  const found: { id: string; reason: string }[] = [];
  for (const { handoff, reason } of (await lostHandoffs(storage, client)).lost) {
    const id = handoff.subject.handoffId;
    if (!(await isRunning(client.workflow.getHandle(repairWorkflowIdOf(id)).describe()))) found.push({ id, reason });
  }
  if (found.length === 0) return ok('lost runs', 'every open handoff has a run');
  const what = `${handoffs(found.length)} lost: ${some(found.map(({ id, reason }) => `${id} (${reason})`))}`;
  const mend = 'handoff doctor --fix opens a repair run for each; then: handoff incidents';
  return bad(
    'lost runs',
    what,
    mend,
    found.map(({ id }) => id),
  );
}

const isRunning = (described: Promise<WorkflowExecutionDescription>): Promise<boolean> =>
  described.then(
    ({ status }) => status.name === 'RUNNING',
    () => false,
  );

/** Runs whose code fails again and again, whose steps do, or whose task nobody takes. */
export async function stuck({ temporal: { client }, taskQueue, graceMs }: Connected): Promise<Finding> {
  const ids: string[] = [];
  for await (const run of client.workflow.list({ query: openOn(taskQueue) })) {
    if (ids.push(run.workflowId) >= LOOKED_AT) break;
  }
  const found: { id: string; why: string }[] = [];
  const queue = ids.values();
  const lane = async (): Promise<void> => {
    for (const workflowId of queue) {
      const handle = client.workflow.getHandle(workflowId);
      const described = await handle.describe().catch(() => undefined);
      const task = described && taskFault(described, graceMs);
      const cause = task?.fails ? await lastFault(handle.fetchHistory()) : '';
      const why = task ? task.why + cause : described && stepFault(described);
      if (why) found.push({ id: handoffIdOf(workflowId) ?? repairedIdOf(workflowId) ?? workflowId, why });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  const cut = ids.length >= LOOKED_AT ? ` (of the newest ${LOOKED_AT})` : '';
  if (found.length === 0) return ok('stuck runs', `none of ${ids.length} open${cut}`);
  const what = `${handoffsAre(found.length)} stuck${cut}: ${some(found.map(({ id, why }) => `${id} (${why})`))}`;
  const mend =
    'Read the error in the worker log or the Web UI. Where a new version of the code does not fit the run, go back to the one before; the run goes on by itself.';
  return bad(
    'stuck runs',
    what,
    mend,
    found.map(({ id }) => id),
  );
}

const openOn = (taskQueue: string): string =>
  `(WorkflowId STARTS_WITH 'handoff/' OR WorkflowId STARTS_WITH 'pipeline/') AND ExecutionStatus = 'Running' AND TaskQueue = ${quoted(taskQueue)}`;

function taskFault(run: WorkflowExecutionDescription, graceMs: number): { why: string; fails: boolean } | undefined {
  const task = run.raw.pendingWorkflowTask;
  if (!task) return undefined;
  const attempt = task.attempt ?? 1;
  if (attempt >= TASK_ATTEMPTS) return { why: `its workflow task is at attempt ${attempt}`, fails: true };
  const since = msOf(task.originalScheduledTime ?? task.scheduledTime);
  const waits = since !== undefined && !task.startedTime && Date.now() - since > graceMs;
  return waits ? { why: `nobody takes its workflow task, from ${ago(since)}`, fails: false } : undefined;
}

function stepFault(run: WorkflowExecutionDescription): string | undefined {
  const activity = run.raw.pendingActivities?.find((a) => (a.attempt ?? 1) >= STEP_ATTEMPTS);
  if (!activity) return undefined;
  const why = activity.lastFailure?.message;
  return `${activity.activityType?.name ?? 'an activity'} is at attempt ${activity.attempt ?? '?'}${why ? `: ${why}` : ''}`;
}

/** What the last failed workflow task said. */
async function lastFault(
  history: Promise<{
    events?: { workflowTaskFailedEventAttributes?: { failure?: { message?: string | null } | null } | null }[] | null;
  }>,
): Promise<string> {
  const { events } = await history.catch(() => ({ events: [] }));
  const failed = events?.findLast((e) => e.workflowTaskFailedEventAttributes);
  const message = failed?.workflowTaskFailedEventAttributes?.failure?.message;
  return message ? `: ${message.split('\n')[0]!.slice(0, 200)}` : '';
}

/** Open handoffs whose time is over: a clock that stands still has no expiry. */
export async function overdue({ temporal: { client }, taskQueue, graceMs }: Connected): Promise<Finding> {
  const before = new Date(Date.now() - graceMs).toISOString();
  const ids: string[] = [];
  for await (const run of client.workflow.list({
    query: `${openOn(taskQueue)} AND ${SEARCH_KEYS.expiry} < '${before}'`,
  })) {
    ids.push(handoffIdOf(run.workflowId) ?? run.workflowId);
  }
  if (ids.length === 0) return ok('expiry', 'nothing that is open has expired');
  const mend = 'See that a worker is up; then they expire by themselves, or a pause that came in time holds them.';
  return bad('expiry', `${handoffsAre(ids.length)} open beyond their expiry: ${some(ids)}`, mend, ids);
}

/** Handoffs of which the data folder says something else than their run, or nothing. */
export async function records(patient: Connected & Stored): Promise<Finding> {
  const first = await differing(patient);
  // What changes this very moment is written a moment later.
  if (first.size > 0) await new Promise((resolve) => setTimeout(resolve, 2000));
  const again = first.size > 0 ? await differing(patient) : first;
  const found = [...again].filter(([id, why]) => first.get(id) === why);
  if (found.length === 0) return ok('records', 'the data folder knows of every open run what the run says');
  const what = `${handoffs(found.length)}: ${some(found.map(([id, why]) => `${id} (${why})`))}`;
  const mend = 'See that --folder is the one that the workers have, and that they can write to it.';
  return warn(
    'records',
    what,
    mend,
    found.map(([id]) => id),
  );
}

async function differing({ temporal, storage, taskQueue, graceMs }: Connected & Stored): Promise<Map<string, string>> {
  const runs = await visibleHandoffs(temporal.client, { open: true }, taskQueue);
  const stored = new Map(
    (await storage.handoffs.list({ open: true, limit: 100_000 })).map((s) => [s.subject.handoffId, s]),
  );
  const found = new Map<string, string>();
  for (const run of runs) {
    const record = stored.get(run.handoffId);
    if (!record && Date.now() - run.createdAt > graceMs) found.set(run.handoffId, 'no open record');
    else if (record && record.shown !== run.shown && Date.now() - record.updatedAt > graceMs)
      found.set(run.handoffId, `the record says ${record.shown}, the run ${run.shown}`);
  }
  return found;
}

/** What waits for a person already, and is seen: by the records where there are any, else by the runs. */
export async function incidents({ storage, temporal, taskQueue }: Patient): Promise<Finding> {
  const open = storage
    ? (await storage.handoffs.list({ status: 'incident', limit: 100_000 })).map((s) => ({
        id: s.subject.handoffId,
        at: s.state?.incidents[0]?.at,
      }))
    : temporal
      ? (await visibleHandoffs(temporal.client, { status: 'incident' }, taskQueue)).map((h) => ({
          id: h.handoffId,
          at: undefined,
        }))
      : undefined;
  if (!open) return skipped('incidents', 'not looked at: there is neither a server nor a data folder');
  if (open.length === 0) return ok('incidents', 'none is open');
  const oldest = Math.min(...open.map((i) => i.at ?? Infinity));
  const age = Number.isFinite(oldest) ? `, the oldest ${ago(oldest)}` : '';
  const ids = open.map((i) => i.id);
  return warn('incidents', `${handoffs(ids.length)} with an incident${age}: ${some(ids)}`, 'handoff incidents', ids);
}
