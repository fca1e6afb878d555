import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStorage } from '../../src/storage/storage.js';

const LOCK = path.resolve('dist/reliability/faults/lock-main.js');
const HELD_MS = 2500;
/** Well below the heartbeat time-out of 5 s, and far above what a busy machine does to a timer. */
const GAP_MS = 1500;

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'handoff-locked-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a process that waits for the lock of another goes on beating, and gets it in the end', async () => {
  const storage = await openStorage({ folder });
  let [latest, gap] = [performance.now(), 0];
  const beat = setInterval(() => {
    gap = Math.max(gap, performance.now() - latest);
    latest = performance.now();
  }, 20);
  try {
    const holder = fork(LOCK, [path.join(folder, 'handoff.db'), String(HELD_MS)], { execArgv: [], stdio: 'ignore' });
    const gone = once(holder, 'exit');
    const [told] = (await once(holder, 'message')) as unknown[];
    expect(told).toEqual({ refused: 'SQLITE_BUSY' });
    const began = performance.now();
    // One alone, and one in a transaction.
    await Promise.all([
      storage.ledger.claim('a/b/1/c', 'test', 1000),
      storage.sessions.setPhase('s', 'p', 'completed', 'test'),
    ]);
    expect(performance.now() - began).toBeGreaterThan(HELD_MS / 2);
    expect(Math.max(gap, performance.now() - latest)).toBeLessThan(GAP_MS);
    expect((await storage.sessions.phase('s', 'p'))?.status).toBe('completed');
    await gone;
  } finally {
    clearInterval(beat);
    await storage.close();
  }
});
