import { ApplicationFailure, CancelledFailure, condition, upsertMemo } from '@temporalio/workflow';
import { errorMessage, type ErrorCode } from '../../core/errors.js';
import type { HandoffOutcome, Outcome } from '../../core/handoff.js';
import { outcomeOf } from '../../core/outcome.js';
import { requestCancel } from './activities.js';
import type { Run } from './run.js';

/** What a run that closes has to say. */
export const reportOf = (run: Run, outcome: Outcome, at: number = Date.now()): HandoffOutcome =>
  outcomeOf({ handoffId: run.id, procedure: run.procedure.procedure_id }, run.state, outcome, at);

/**
 * Ends a run that did not complete in the way that Temporal shows: Failed with our type, or Canceled, for which the
 * server must have been asked.
 */
export async function throwOutcome(run: Run, report: HandoffOutcome, wasCancelled: () => boolean): Promise<never> {
  if (report.outcome === 'cancelled') {
    // A cancelled run carries no result; the report goes with the memo.
    upsertMemo({ handoffOutcome: report });
    if (!wasCancelled()) {
      await requestCancel();
      await condition(wasCancelled);
    }
    throw new CancelledFailure(
      errorMessage('HANDOFF_CANCELLED', { handoff: run.id, by: report.by, reason: report.reason }),
    );
  }
  const code = `HANDOFF_${report.outcome.toUpperCase()}` as ErrorCode;
  const outcome = ApplicationFailure.create({
    type: code,
    message: errorMessage(code, { handoff: run.id, by: report.by, reason: report.reason }),
    nonRetryable: true,
    details: [report],
  });
  // An outcome is no fault: where it was thrown would only stand in the way on the page of the run.
  outcome.stack = '';
  throw outcome;
}
