import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { workflowBundle } from '../../src/temporal/bundle.js';
import { historyToJson } from '../../src/temporal/history-json.js';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;

/** One run that a test began. */
export interface TestRun {
  workflowId: string;
  history: History;
}

/**
 * Replays runs with today's workflow code, all by one worker: one for each is ten times dearer, and the source maps of some
 * hundred in one process are more than the SDK can hold. Returns how many there were; throws of all that do not replay,
 * whose histories are kept in a file each.
 */
export async function replay(runs: AsyncIterable<TestRun>): Promise<number> {
  const failed: string[] = [];
  let replayed = 0;
  let last: TestRun | undefined;
  async function* noted(): AsyncGenerator<TestRun> {
    for await (const run of runs) yield (last = run);
  }
  for await (const { workflowId, runId, error } of Worker.runReplayHistories(
    { workflowBundle: workflowBundle() },
    noted(),
  )) {
    replayed++;
    if (!error) continue;
    const file = path.join(tmpdir(), `not-replayed-${runId}.json`);
    writeFileSync(file, historyToJson(last!.history));
    failed.push(`${workflowId}: ${error.message} (its history is in ${file})`);
  }
  if (failed.length > 0) throw new Error(`${failed.length} of ${replayed} runs do not replay:\n${failed.join('\n')}`);
  return replayed;
}
