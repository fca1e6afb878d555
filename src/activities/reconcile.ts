import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { SearchAttributeType, TypedSearchAttributes, defineSearchAttributeKey } from '@temporalio/common';
import { terminatedState, type HandoffOutcome } from '../core/handoff.js';
import { HANDOFF_ID, REPAIR_TYPE, handoffIdOf, repairWorkflowIdOf, workflowIdOf } from '../core/ids.js';
import { partyText, type ListMemo } from '../core/request.js';
import { SEARCH_KEYS } from '../core/search-keys.js';
import type { Reconciled, RepairInput } from '../core/task.js';
import type { StoredHandoff } from '../storage/handoffs.js';
import type { Storage } from '../storage/storage.js';
import { rawOf } from '../storage/transfer/raw.js';
import { removeTree } from '../storage/transfer/remove.js';

/** Younger than this, a difference between database and Temporal may only be a matter of order. Milliseconds. */
const SETTLED_MS = 5000;

/**
 * Compares the handoffs that are open in the database with the runs that are open in Temporal. One whose run is gone
 * cannot undo itself any more: a repair run `handoff/<id>/repair` then holds the incident. Also removes what was kept
 * for undos of handoffs that have closed.
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
    const reason = await endedBecause(client, id);
    if (reason !== undefined) lost.push({ handoff, reason });
  }
  return { open: open.length, lost };
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
async function endedBecause(client: Client, id: string): Promise<string | undefined> {
  try {
    const { status } = await client.workflow.getHandle(workflowIdOf(id)).describe();
    return status.name === 'RUNNING' ? undefined : `its run was closed in Temporal as ${status.name} without an undo`;
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

/** Kept copies and staging of handoffs that closed a while ago: the folders, by handoff. */
export async function leftovers(storage: Storage): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const folder of [storage.undoFolder, storage.stagingFolder]) {
    if (!existsSync(folder)) continue;
    for (const id of await readdir(folder)) {
      // Whatever else lies there is not ours to remove.
      if (!HANDOFF_ID.test(id)) continue;
      const closedAt = (await storage.handoffs.find(id))?.closedAt;
      if (closedAt === undefined || Date.now() - closedAt < SETTLED_MS * 12) continue;
      found.set(id, [...(found.get(id) ?? []), path.join(folder, id)]);
    }
  }
  return found;
}

async function collect(storage: Storage): Promise<number> {
  const found = await leftovers(storage);
  for (const folder of [...found.values()].flat()) removeTree(rawOf(folder));
  return found.size;
}
