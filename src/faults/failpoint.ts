import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HandoffError } from '../core/errors.js';

interface Point {
  fault: string;
  /** Only this firing, counted from 1; absent: each. */
  only?: number;
  reached: number;
}

/**
 * Named places at which a test can kill, fail or delay this process. Off unless `HANDOFF_FAILPOINTS` is set, as
 * `name=kill`, `name=fail` or `name=delay:<ms>`, several by commas; `name=kill@2` strikes only the second time. Each
 * firing adds a line to `HANDOFF_FAILPOINT_LOG`, so that a test can prove that its fault really happened, and so does
 * the end of a delay (`name=over`).
 */
const points = new Map(
  (process.env['HANDOFF_FAILPOINTS'] ?? '')
    .split(',')
    .filter(Boolean)
    .map((p): [string, Point] => {
      const [name, fault, only] = p.split(/[=@]/) as [string, string, string | undefined];
      return [name, { fault, ...(only ? { only: Number(only) } : {}), reached: 0 }];
    }),
);

export async function failpoint(name: string): Promise<void> {
  const fault = failpointSync(name);
  if (!fault?.startsWith('delay:')) return;
  await sleep(Number(fault.slice('delay:'.length)));
  note(`${name}=over`);
}

/** The same within a transaction, where nothing can wait: it kills or fails, and does not delay. */
export function failpointSync(name: string): string | undefined {
  const point = points.get(name);
  if (point === undefined) return undefined;
  const { fault, only } = point;
  if (++point.reached !== (only ?? point.reached)) return undefined;
  note(`${name}=${fault}`);
  if (fault === 'kill') process.kill(process.pid, 'SIGKILL');
  if (fault === 'fail') throw new HandoffError('ACTION_FAILED', { action: name, why: 'a failpoint of a test' });
  return fault;
}

function note(line: string): void {
  const log = process.env['HANDOFF_FAILPOINT_LOG'];
  if (log) appendFileSync(log, `${line}\n`);
}
