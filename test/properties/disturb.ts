import { WorkflowNotFoundError } from '@temporalio/client';
import { workflowIdOf } from '../../src/core/ids.js';
import type { Rig } from '../rig/rig.js';
import type { Scenario } from './random-procedures.js';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const by = { by: 'chance', reason: 'at random' };

/**
 * Sends a signal to the run itself; false where it is over. Our client asks for the status first, and a query that meets
 * a local activity just before a signal makes the SDK (core of 1.24.0) write a history that does not replay.
 */
async function sent(rig: Rig, id: string, signal: string, message: object): Promise<boolean> {
  try {
    await rig.temporal.workflow.getHandle(workflowIdOf(id)).signal(signal, message);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Pauses, resumes and cancels a handoff when chance says so; whether a cancellation was sent while it was open. */
export async function disturb(rig: Rig, id: string, s: Omit<Scenario, 'steps'>): Promise<{ cancelled: boolean }> {
  const pausing = async (): Promise<void> => {
    if (s.pauseAt === undefined) return;
    await sleep(s.pauseAt);
    if (!(await sent(rig, id, 'pause', by))) return;
    await sleep(s.pausedFor);
    await sent(rig, id, 'resume', { by: 'chance' });
  };
  const cancelling = async (): Promise<boolean> => {
    if (s.cancelAt === undefined) return false;
    await sleep(s.cancelAt);
    return sent(rig, id, 'cancel', by);
  };
  const [, cancelled] = await Promise.all([pausing(), cancelling()]);
  return { cancelled };
}
