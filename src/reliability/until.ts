import { setTimeout as sleep } from 'node:timers/promises';
import { HandoffError } from '../core/errors.js';

const POLL_MS = 50;

/** Waits until something is so. Throws DEADLINE_EXCEEDED after `ms`, naming it. */
export async function until(what: string, ms: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + ms;
  while (!(await isSo())) {
    if (Date.now() > end) throw new HandoffError('DEADLINE_EXCEEDED', { what, seconds: ms / 1000 });
    await sleep(POLL_MS);
  }
}
