import { readFileSync } from 'node:fs';

const MS_PER_TICK = 10;

/** CPU time of a process and all its descendants so far, in milliseconds; NaN where there is no /proc. */
export function cpuOf(pid: number): number {
  try {
    // The name in brackets may hold blanks; after it utime and stime are the fields 11 and 12.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    const below = children === '' ? [] : children.split(' ').map((child) => cpuOf(Number(child)));
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK + below.reduce((a, b) => a + b, 0);
  } catch {
    return Number.NaN;
  }
}
