import type { Client } from '@temporalio/client';
import { expect } from 'vitest';
import { replay, type TestRun } from '../rig/replay.js';

const collected: TestRun[] = [];

/** Keeps a run for the replay at the end of its file. */
export async function keepForReplay(temporal: Client, workflowId: string, runId?: string): Promise<void> {
  collected.push({ workflowId, history: await temporal.workflow.getHandle(workflowId, runId).fetchHistory() });
}

/** Replays every run of this file with today's workflow code. Call it in `afterAll`. */
export async function replayKept(): Promise<void> {
  async function* all(): AsyncGenerator<TestRun> {
    yield* collected.splice(0);
  }
  expect(await replay(all()), 'replayed runs').toBeGreaterThan(0);
}
