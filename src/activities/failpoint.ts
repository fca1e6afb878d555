import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HandoffError } from '../core/errors.js';

/**
 * Named places at which a test can kill, fail or delay this process. Off unless `HANDOFF_FAILPOINTS` is set, as
 * `name=kill`, `name=fail` or `name=delay:<ms>`, several by commas. Each firing adds a line to
 * `HANDOFF_FAILPOINT_LOG`, so that a test can prove that its fault really happened.
 */
const points = new Map(
  (process.env['HANDOFF_FAILPOINTS'] ?? '')
    .split(',')
    .filter(Boolean)
    .map((p) => p.split('=', 2) as [string, string]),
);

export async function failpoint(name: string): Promise<void> {
  const fault = failpointSync(name);
  if (fault?.startsWith('delay:')) await sleep(Number(fault.slice('delay:'.length)));
}

/** The same within a transaction, where nothing can wait: it kills or fails, and does not delay. */
export function failpointSync(name: string): string | undefined {
  const fault = points.get(name);
  if (fault === undefined) return undefined;
  const log = process.env['HANDOFF_FAILPOINT_LOG'];
  if (log) appendFileSync(log, `${name}=${fault}\n`);
  if (fault === 'kill') process.kill(process.pid, 'SIGKILL');
  if (fault === 'fail') throw new HandoffError('ACTION_FAILED', { action: name, why: 'a failpoint of a test' });
  return fault;
}
