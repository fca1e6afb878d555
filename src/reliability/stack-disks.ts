import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, rename, rmdir, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Disks } from './stack.js';

const run = promisify(execFile);
const SIZE = '1g';
const PAGE = 4096;
const TRIES = 50;

// Its pipe ends with the process that holds it, however that ends: then the file systems go as well.
const WATCHDOG = 'read -r _; for at; do umount -l "$at" 2>/dev/null; done';

/** Puts a small file system on each folder; undefined where nobody may mount here, which takes root and in a container more. */
export async function mountDisks(disks: Disks): Promise<{ unmount: (keep: boolean) => Promise<void> } | undefined> {
  const all = [disks.data, disks.root];
  const mounted: string[] = [];
  for (const at of all) {
    await mkdir(at, { recursive: true });
    const isDone = await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', at]).then(
      () => true,
      () => false,
    );
    if (isDone) mounted.push(at);
  }
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'handoff-unmount', ...mounted], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.on('error', () => {});
  watchdog.unref();
  (watchdog.stdin as unknown as { unref(): void }).unref();
  const unmount = async (keep: boolean): Promise<void> => {
    for (const at of mounted) {
      const kept = `${at}.kept`;
      if (keep) await cp(at, kept, { recursive: true });
      await run('umount', ['-l', at]);
      if (!keep) continue;
      await rmdir(at);
      await rename(kept, at);
    }
    watchdog.kill('SIGKILL');
  };
  if (mounted.length === all.length) return { unmount };
  await unmount(false);
  return undefined;
}

/** Leaves a file system so many bytes beside what it holds; `whole` gives it its size back. */
export async function leaveRoom(at: string, bytes: number | 'whole'): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { blocks, bfree, bsize } = await statfs(at);
    const used = (blocks - bfree) * bsize;
    const size = bytes === 'whole' ? SIZE : String(Math.ceil((used + bytes) / PAGE) * PAGE);
    try {
      return void (await run('mount', ['-o', `remount,size=${size}`, at]));
    } catch (error) {
      // Somebody wrote more meanwhile than was to be left.
      if (tries === TRIES) throw error;
    }
  }
}
