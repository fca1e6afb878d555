import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FULL } from '../crash/case.js';
import { replayKept } from '../crash/replay.js';
import { Moving, expectArrived, expectUndone, makeLarge, makeMany } from './moving.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'handoff-memory-'));
  makeLarge(path.join(folder, 'large'), FULL ? 1024 : 512);
  makeMany(path.join(folder, 'many'), FULL ? 5000 : 2000);
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await replayKept();
});

/** Resident memory of a process, in megabytes. */
const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

describe.skipIf(process.platform !== 'linux')(
  'the worker stays under 150 MB above its idle size',
  { timeout: 120_000 },
  () => {
    test.for(['large', 'many'])('%s', async (shape) => {
      const m = await Moving.create(path.join(folder, shape));
      try {
        const { pid } = await m.worker();
        const idle = residentOf(pid);
        let most = idle;
        const sampler = setInterval(() => (most = Math.max(most, residentOf(pid))), 10);
        try {
          await m.begin();
          await expectArrived(m);
          await m.reject();
          await expectUndone(m, undefined);
        } finally {
          clearInterval(sampler);
        }
        if (FULL) console.log(`${shape}: idle ${idle.toFixed(0)} MB, at most ${most.toFixed(0)} MB`);
        expect(most - idle).toBeLessThan(150);
      } finally {
        await m.close();
      }
    });
  },
);
