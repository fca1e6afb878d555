import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Random } from '../fault.js';

/** Between the two, milliseconds. */
export const between = (random: Random, least: number, most: number): number =>
  Math.round(least + random() * (most - least));

export const oneOf = <T>(random: Random, all: readonly T[]): T => all[Math.floor(random() * all.length)]!;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Holds on until something is so, at most `ms`; whether it was. */
export async function heldUntil(ms: number, isSo: () => boolean): Promise<boolean> {
  const end = Date.now() + ms;
  while (!isSo() && Date.now() < end) await sleep(20);
  return isSo();
}

/** Whether a process is there and stopped, as the operating system says. */
export async function isStopped(pid: number): Promise<boolean> {
  const end = Date.now() + 1000;
  for (;;) {
    if ((await stateOf(pid)).startsWith('T')) return true;
    if (Date.now() > end) return false;
    await sleep(10);
  }
}

async function stateOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2);
  } catch {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({
      stdout: '',
    }));
    return stdout.trim();
  }
}
