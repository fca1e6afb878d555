import { ApplicationFailure, CancelledFailure, condition, upsertMemo } from '@temporalio/workflow';
import { errorMessage, type ErrorCode } from '../../core/errors.js';
import type { HandoffOutcome, HandoffState, Outcome, UndoneEffect } from '../../core/handoff.js';
import { returnWarnings } from '../../core/returns.js';
import { requestCancel } from './activities.js';
import type { Run } from './run.js';

/** Undone effects that an outcome names; the ledger names them all. */
const REPORTED = 200;

/** What a handoff that closes has to say. */
export function reportOf(run: Run, outcome: Outcome): HandoffOutcome {
  const { state } = run;
  const { ending, completion, acceptance } = state;
  const by = ending?.by ?? completion?.by ?? acceptance.by;
  const steps = Object.entries(state.steps).map(([id, { status, facts, error, note }]) => [
    id,
    { status, ...(facts ? { facts } : {}), ...(error ? { error } : {}), ...(note ? { note } : {}) },
  ]);
  return {
    handoffId: run.id,
    procedure: run.procedure.procedure_id,
    outcome,
    ...(by ? { by } : {}),
    ...(ending ? { reason: ending.reason, code: ending.code } : {}),
    at: new Date(Date.now()).toISOString(),
    steps: Object.fromEntries(steps) as HandoffOutcome['steps'],
    ...(state.late ? { late: state.late } : {}),
    undone: reported(state.undone),
    ...returnsOf(state),
  };
}

/** What became of the returns, and of one that completes what did not come. */
function returnsOf(state: HandoffState): Pick<HandoffOutcome, 'returns' | 'warnings'> {
  if (!state.returns) return {};
  const returns = Object.entries(state.returns).map(([name, r]) => {
    const { status, by, receivedAt, lateSince, rounds, sha256, path, note } = r;
    return [name, { status, by, receivedAt, lateSince, rounds, sha256, path, note }] as const;
  });
  const warnings = returnWarnings(state);
  return {
    returns: Object.fromEntries(returns),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/** Of very many, first those that did not simply go back: no effect stays that the outcome does not name. */
function reported(undone: readonly UndoneEffect[]): UndoneEffect[] {
  if (undone.length <= REPORTED) return [...undone];
  const plain = (u: UndoneEffect): boolean => u.result === 'undone' || u.result === 'nothing_to_undo';
  return [...undone.filter((u) => !plain(u)), ...undone.filter(plain)].slice(0, REPORTED);
}

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
