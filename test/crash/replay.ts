import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { expect } from 'vitest';
import { workflowBundle } from '../../src/temporal/bundle.js';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;

const collected: { workflowId: string; history: History }[] = [];

/** Keeps a run for the replay at the end of its file: one worker for all of them is ten times cheaper. */
export async function keepForReplay(temporal: Client, workflowId: string, runId?: string): Promise<void> {
  collected.push({ workflowId, history: await temporal.workflow.getHandle(workflowId, runId).fetchHistory() });
}

/** Replays every run of this file with today's workflow code. Call it in `afterAll`. */
export async function replayKept(): Promise<void> {
  const failed: string[] = [];
  let replayed = 0;
  const results = Worker.runReplayHistories({ workflowBundle: workflowBundle() }, collected.splice(0));
  for await (const { workflowId, error } of results) {
    replayed++;
    if (error) failed.push(`${workflowId}: ${error.message}`);
  }
  expect(failed, 'runs that do not replay').toEqual([]);
  expect(replayed, 'replayed runs').toBeGreaterThan(0);
}
