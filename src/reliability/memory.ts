import { readFileSync } from 'node:fs';
import type { MemoryReport } from '../core/reliability/report.js';
import type { Stack } from './stack.js';

/** Resident bytes of a process; undefined where the system does not tell, or it is not there. */
function residentOf(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

export interface MemoryWatch {
  /** Looks at all processes of the stack; `early` until the first tenth of the test is over. */
  look: (early: boolean) => void;
  reports: () => MemoryReport[];
}

/** How much memory the stack's processes take. One that was started anew begins anew: its growth is its own. */
export function memoryWatch(stack: Stack): MemoryWatch {
  const seen = new Map<string, MemoryReport & { pid: number }>();
  return {
    look: (early) => {
      for (const { name, pid } of [...stack.workers, ...(stack.server ? [stack.server] : [])]) {
        const now = residentOf(pid);
        if (now === undefined) continue;
        const known = seen.get(name);
        if (!known || known.pid !== pid || early) {
          seen.set(name, { name, pid, early: now, last: now, peak: Math.max(now, known?.peak ?? 0) });
        } else {
          known.last = now;
          known.peak = Math.max(known.peak, now);
        }
      }
    },
    reports: () => [...seen.values()].map(({ pid: _, ...report }) => report),
  };
}
