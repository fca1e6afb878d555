import { readFileSync } from 'node:fs';

/** Resident memory of a process and all its descendants, in megabytes; NaN where there is no /proc. */
export function memoryOf(pid: number): number {
  try {
    const kb = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    const below = children === '' ? [] : children.split(' ').map((child) => memoryOf(Number(child)));
    return kb / 1024 + below.reduce((a, b) => a + b, 0);
  } catch {
    return Number.NaN;
  }
}
