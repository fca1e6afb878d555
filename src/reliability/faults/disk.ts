import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';
import { leaveRoom } from '../stack-disks.js';
import { between, seconds } from './hold.js';
import { byFailpoint } from './steps.js';

const PROBE_BYTES = 256 * 1024;

export const disk_full: Fault = {
  name: 'disk_full',
  about: 'the file system that artifacts are staged on and moved to is full, for real',
  lacks: ({ disks }) => (disks ? undefined : 'no small file system could be mounted here for the artifacts'),
  strike: async (stack, random) => {
    const ms = between(random, 500, 2000);
    const { root } = stack.disks!;
    await leaveRoom(root, 0);
    try {
      const found = await refusal(root);
      await sleep(ms);
      return {
        fired: found === 'ENOSPC',
        what: `left no room for ${seconds(ms)}; a file was refused with ${found ?? 'nothing'}`,
      };
    } finally {
      await leaveRoom(root, 'whole');
    }
  },
};

/** The code with which a new file is refused; undefined where there is room. */
async function refusal(folder: string): Promise<string | undefined> {
  const probe = path.join(folder, `.reliability-probe-${process.pid}`);
  try {
    const file = await open(probe, 'w');
    try {
      await file.writeFile(Buffer.alloc(PROBE_BYTES));
    } finally {
      await file.close();
    }
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    await rm(probe, { force: true });
  }
}

export const disk_failing: Fault = byFailpoint({
  name: 'disk_failing',
  about: 'now and then a write of an artifact is refused as if the disk were full (by failpoint)',
  failpoints: 'stage.write=errno:ENOSPC%0.1',
});
