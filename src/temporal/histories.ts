import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { REPAIR_TYPE, handoffIdOf, repairWorkflowIdOf, repairedIdOf, workflowIdOf } from '../core/ids.js';
import { PIPELINE_TYPE, pipelineWorkflowIdOf, sessionOfWorkflow } from '../core/pipeline/ids.js';
import { SEARCH_KEYS, quoted } from '../core/search-keys.js';
import { historyFromJson, historyToJson } from './history-json.js';

/** Which runs: all filters that are given must fit. */
export interface RunFilter {
  open?: boolean;
  session?: string;
  procedure?: string;
  taskQueue?: string;
  /** At most so many, the newest first. Default 1,000. */
  limit?: number;
}

/** One run's history. `from`: the file or the run that it is of, for people. */
export interface RunHistory {
  from: string;
  workflowId: string;
  history: History;
}
/** What could not be read, and why, in one line. */
export interface Unreadable {
  from: string;
  why: string;
}

const LIMIT = 1000;
const RUN_ID = /^[0-9a-f-]{36}$/;

interface FoundRun {
  workflowId: string;
  runId: string;
}

/** The runs of handoffs and pipelines by Temporal's visibility, repairs and earlier runs of those that continued as new included. */
async function* runsOf(client: Client, filter: RunFilter): AsyncGenerator<FoundRun> {
  const is = (key: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`${key} = ${quoted(value)}`];
  const query = [
    "(WorkflowId STARTS_WITH 'handoff/' OR WorkflowId STARTS_WITH 'pipeline/')",
    ...(filter.open ? ["ExecutionStatus = 'Running'"] : []),
    ...is(SEARCH_KEYS.session, filter.session),
    ...is('WorkflowType', filter.procedure),
    ...is('TaskQueue', filter.taskQueue),
  ].join(' AND ');
  let left = filter.limit ?? LIMIT;
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    // What a handoff has started runs on code of its own.
    if (!handoffIdOf(workflowId) && !repairedIdOf(workflowId) && !sessionOfWorkflow(workflowId)) continue;
    if (left-- <= 0) return;
    yield { workflowId, runId };
  }
}

/** Fetches what {@link RunFilter} finds. A run that the server forgets meanwhile is passed over. */
export async function* fetchHistories(client: Client, filter: RunFilter): AsyncGenerator<RunHistory> {
  for await (const { workflowId, runId } of runsOf(client, filter)) {
    const history = await client.workflow
      .getHandle(workflowId, runId)
      .fetchHistory()
      .catch((error: unknown) => {
        if ((error as Error).name === 'WorkflowNotFoundError') return undefined;
        throw error;
      });
    // One that was started this moment has nothing to replay.
    if (history && history.events!.length > 1) yield { from: `${workflowId} (run ${runId})`, workflowId, history };
  }
}

/**
 * Writes histories into a folder, a file a run, as Temporal's own export: `<handoffId>.<runId>.json`, `….repair.…` for a
 * repair, `pipeline.<session>.…` for a pipeline. Each is there whole or not at all. Returns the files' names.
 */
export async function recordHistories(client: Client, folder: string, filter: RunFilter): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const written: string[] = [];
  for await (const { workflowId, history } of fetchHistories(client, filter)) {
    const name = fileNameOf(workflowId, runIdOf(history));
    // Anybody may start a workflow under an id that begins like ours.
    if (!name) continue;
    const stage = path.join(folder, `.${name}.${process.pid}`);
    try {
      await writeFile(stage, historyToJson(history));
      await rename(stage, path.join(folder, name));
    } finally {
      await rm(stage, { force: true });
    }
    written.push(name);
  }
  return written;
}

const startOf = (history: History) => history.events?.[0]?.workflowExecutionStartedEventAttributes;

export const runIdOf = (history: History): string => startOf(history)?.originalExecutionRunId ?? '';
export const workflowTypeOf = (history: History): string => startOf(history)?.workflowType?.name ?? '';

function fileNameOf(workflowId: string, runId: string): string | undefined {
  const session = sessionOfWorkflow(workflowId);
  // Not every file system takes a colon.
  if (session && RUN_ID.test(runId)) return `pipeline.${session.replaceAll(':', '-')}.${runId}.json`;
  const repaired = /^(.+)\/repair$/.exec(workflowId)?.[1];
  const id = handoffIdOf(repaired ?? workflowId);
  if (!id || !RUN_ID.test(runId)) return undefined;
  return `${id}${repaired ? '.repair' : ''}.${runId}.json`;
}

/** The histories of a folder, or of one file, by name; bad ones are named and do not hide the others. */
export async function* readHistories(place: string): AsyncGenerator<RunHistory | Unreadable> {
  const folder = (await stat(place)).isDirectory();
  const names = folder ? (await readdir(place)).filter((name) => /^[^.].*\.json$/.test(name)).toSorted() : [''];
  for (const name of names) {
    const from = name || place;
    try {
      const history = historyFromJson(await readFile(path.join(place, name), 'utf8'));
      yield { from, workflowId: workflowIdIn(history, path.basename(from)), history };
    } catch (error) {
      yield { from, why: (error as Error).message.replaceAll(/\s+/g, ' ') };
    }
  }
}

/**
 * The workflow id that a history is of, which is part of what a run checks. Newer servers write it down; otherwise our
 * own input tells it, or the file's name, as {@link recordHistories} gives it.
 */
function workflowIdIn(history: History, file: string): string {
  const started = startOf(history);
  if (started?.workflowId) return started.workflowId;
  const subject = subjectIn(started?.input?.payloads?.[0]?.data);
  if (started?.workflowType?.name === PIPELINE_TYPE && subject?.session) return pipelineWorkflowIdOf(subject.session);
  const repair = started?.workflowType?.name === REPAIR_TYPE;
  const named = /^(.+?)(\.repair)?\.[0-9a-f-]{36}\.json$/.exec(file)?.[1];
  const handoffId = subject?.handoffId ?? named;
  if (!handoffId)
    throw new Error('neither its content nor its name tells the workflow id: name it <handoffId>.<runId>.json');
  return repair ? repairWorkflowIdOf(handoffId) : workflowIdOf(handoffId);
}

function subjectIn(data: Uint8Array | null | undefined): { handoffId?: string; session?: string } | undefined {
  try {
    const input = JSON.parse(Buffer.from(data ?? []).toString('utf8')) as {
      subject?: { handoffId?: unknown; session?: unknown };
    };
    const { handoffId, session } = input?.subject ?? {};
    return {
      ...(typeof handoffId === 'string' ? { handoffId } : {}),
      ...(typeof session === 'string' ? { session } : {}),
    };
  } catch {
    return undefined;
  }
}
