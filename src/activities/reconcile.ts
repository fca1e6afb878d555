import type { Client } from '@temporalio/client';
import { SearchAttributeType, TypedSearchAttributes, defineSearchAttributeKey } from '@temporalio/common';
import { terminatedState, type HandoffOutcome } from '../core/handoff.js';
import { REPAIR_TYPE, handoffIdOf, repairWorkflowIdOf, workflowIdOf } from '../core/ids.js';
import { pipelineWorkflowIdOf } from '../core/pipeline/ids.js';
import { partyText, type ListMemo } from '../core/request.js';
import { SEARCH_KEYS } from '../core/search-keys.js';
import type { Reconciled, RepairInput } from '../core/task.js';
import type { StoredHandoff } from '../storage/handoffs.js';
import type { Storage } from '../storage/storage.js';
import { collect } from './collect.js';

/** Younger than this, a difference between database and Temporal may only be a matter of order. Milliseconds. */
const SETTLED_MS = 5000;

/**
 * Compares the handoffs that are open in the database with the runs that are open in Temporal. One whose run is gone
 * cannot undo itself any more: a repair run `handoff/<id>/repair` then holds the incident. Also removes what is
 * kept for undos that can no longer come.
 */
export async function reconcile(storage: Storage, client: Client, taskQueue: string): Promise<Reconciled> {
  const { open, lost } = await lostHandoffs(storage, client);
  const found: Reconciled = { open, repairs: [], closed: [], collected: 0 };
  for (const { handoff, reason } of lost) {
    const id = handoff.subject.handoffId;
    // An attempt of the lost run may still be at work: shut out first, it can add nothing to what is found.
    await storage.steps.shut(id, []);
    if ((await storage.ledger.toUndo(id, 1)).length > 0) {
      const opened = await openRepair(client, taskQueue, { subject: handoff.subject, reason }, handoff.createdAt);
      // From then on the repair run itself says where it stands.
      if (opened) await storage.handoffs.project(handoff.subject, terminatedState(Date.now(), reason));
      found.repairs.push(id);
    } else {
      await recordFailed(storage, handoff, reason);
      found.closed.push(id);
    }
  }
  await markLostPipelines(storage, client);
  found.collected = await collect(storage);
  return found;
}

/** Handoffs that are open in the database though their run is not: how many are open, and which are lost, and why. */
export async function lostHandoffs(
  storage: Storage,
  client: Client,
): Promise<{ open: number; lost: { handoff: StoredHandoff; reason: string }[] }> {
  const open = await storage.handoffs.list({ open: true, limit: 100_000 });
  const running = await runningIds(client);
  const lost: { handoff: StoredHandoff; reason: string }[] = [];
  for (const handoff of open) {
    const id = handoff.subject.handoffId;
    if (running.has(id) || Date.now() - handoff.updatedAt < SETTLED_MS) continue;
    const reason = await endedBecause(client, workflowIdOf(id));
    if (reason !== undefined) lost.push({ handoff, reason: reason.replace(/ as .*/, '$& without an undo') });
  }
  return { open: open.length, lost };
}

/**
 * A pipeline whose run is gone has nothing to undo: its records stay, and a run that takes over goes on from them. So it
 * is only marked, for people to see.
 */
async function markLostPipelines(storage: Storage, client: Client): Promise<void> {
  const open = await storage.pipelines.list({ open: true, limit: 100_000 });
  for (const pipeline of open.filter((p) => p.shown !== 'lost' && Date.now() - p.updatedAt >= SETTLED_MS)) {
    const reason = await endedBecause(client, pipelineWorkflowIdOf(pipeline.subject.session));
    if (reason !== undefined) await storage.pipelines.lose(pipeline, reason);
  }
}

async function runningIds(client: Client): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const w of client.workflow.list({
    query: "WorkflowId STARTS_WITH 'handoff/' AND ExecutionStatus = 'Running'",
  })) {
    const id = handoffIdOf(w.workflowId);
    if (id) ids.add(id);
  }
  return ids;
}

/** Why a run is no more, in words; undefined where it goes on after all (the list above lags behind). */
async function endedBecause(client: Client, workflowId: string): Promise<string | undefined> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return status.name === 'RUNNING' ? undefined : `its run was closed in Temporal as ${status.name}`;
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return 'Temporal knows its run no more';
    throw error;
  }
}

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** Whether it was opened now: one may stand there already. */
async function openRepair(client: Client, taskQueue: string, input: RepairInput, createdAt: number): Promise<boolean> {
  const { subject } = input;
  const options = {
    workflowId: repairWorkflowIdOf(subject.handoffId),
    taskQueue,
    args: [input],
    memo: {
      handoff: {
        procedure: subject.procedure.id,
        source: subject.source,
        target: subject.target,
        createdAt,
      } satisfies ListMemo,
    },
    typedSearchAttributes: new TypedSearchAttributes([
      { key: keyword(SEARCH_KEYS.status), value: 'incident' },
      { key: keyword(SEARCH_KEYS.source), value: subject.source.agent ?? partyText(subject.source) },
      { key: keyword(SEARCH_KEYS.target), value: subject.target.agent ?? partyText(subject.target) },
      { key: keyword(SEARCH_KEYS.priority), value: subject.priority },
      { key: keyword(SEARCH_KEYS.session), value: subject.session },
      { key: keyword(SEARCH_KEYS.reasonBlocked), value: 'incident inc-1: the run was terminated' },
    ]),
    staticSummary: `Repair of ${partyText(subject.source)} → ${partyText(subject.target)}`,
    staticDetails: `Handoff \`${subject.handoffId}\` left effects behind: ${input.reason}.`,
  };
  try {
    await client.workflow.start(REPAIR_TYPE, options);
    return true;
  } catch (error) {
    if ((error as Error).name === 'WorkflowExecutionAlreadyStartedError') return false;
    throw error;
  }
}

async function recordFailed(storage: Storage, { subject }: StoredHandoff, reason: string): Promise<void> {
  const state = { ...terminatedState(Date.now(), reason), status: 'failed' as const, incidents: [] };
  const { handoffId } = subject;
  const outcome: HandoffOutcome = {
    handoffId,
    procedure: subject.procedure.id,
    outcome: 'failed',
    by: 'reconcile',
    reason,
    code: 'HANDOFF_TERMINATED',
    at: new Date().toISOString(),
    steps: {},
    undone: [],
  };
  await storage.handoffs.project(subject, state, outcome);
}
