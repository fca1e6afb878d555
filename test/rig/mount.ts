import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** None of the packages' own. */
const MOUNT = 'mount';

/** A small file system in memory. */
export const mount = (where: string, size: string): void =>
  void execFileSync(MOUNT, ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', where], { stdio: 'pipe' });
export const remount = (where: string, how: 'ro' | 'rw'): void =>
  void execFileSync(MOUNT, ['-o', `remount,${how}`, where]);
export const unmount = (where: string): void => void execFileSync(`u${MOUNT}`, ['-l', where]);

/** A small file system takes root, and in a container more than that: no fault of this program where it is not to be had. */
export function mayMount(): boolean {
  const where = mkdtempSync(path.join(tmpdir(), 'handoff-mount-'));
  try {
    mount(where, '1m');
    unmount(where);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(where, { recursive: true, force: true });
  }
}
