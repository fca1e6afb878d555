import { WorkflowFailedError, type Client } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure } from '@temporalio/common';
import { HandoffError } from '../core/errors.js';
import type { HandoffOutcome } from '../core/handoff.js';
import { workflowIdOf } from '../core/ids.js';
import type { Storage } from '../storage/storage.js';
import { isNotFound, translated } from './calls.js';

/** How long a result is waited for. */
export interface WaitUntil {
  /** Aborted: nobody waits any longer, and it throws DEADLINE_EXCEEDED. */
  signal?: AbortSignal;
}

/**
 * Waits until a handoff is closed and returns its outcome, whichever of the five it is. Throws HANDOFF_NOT_FOUND,
 * HANDOFF_TERMINATED.
 */
export async function awaitOutcome(
  temporal: Client,
  storage: Storage | undefined,
  handoff: string,
): Promise<HandoffOutcome> {
  const handle = temporal.workflow.getHandle(workflowIdOf(handoff));
  try {
    return (await handle.result()) as HandoffOutcome;
  } catch (error) {
    if (isNotFound(error)) {
      const stored = await storage?.handoffs.find(handoff);
      if (stored?.outcome) return stored.outcome;
      throw new HandoffError('HANDOFF_NOT_FOUND', { handoff }, { cause: error });
    }
    if (!(error instanceof WorkflowFailedError)) throw translated(error, 'The result', 0, temporal.options.namespace);
    const { cause } = error;
    if (cause instanceof TerminatedFailure) {
      // A repair run may have ended it since.
      const repaired = (await storage?.handoffs.find(handoff))?.outcome;
      if (repaired) return repaired;
      throw new HandoffError('HANDOFF_TERMINATED', { handoff }, { cause: error });
    }
    const report =
      cause instanceof CancelledFailure
        ? (await handle.describe()).memo?.['handoffOutcome']
        : cause instanceof ApplicationFailure && cause.type?.startsWith('HANDOFF_')
          ? cause.details?.[0]
          : undefined;
    if (report) return report as HandoffOutcome;
    throw translated(cause, 'The result', 0, temporal.options.namespace);
  }
}
