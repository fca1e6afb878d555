import {
  CancellationScope,
  CancelledFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  workflowInfo,
} from '@temporalio/workflow';
import { autoApproval, isRefused } from '../../core/report/verify.js';
import type { ReportStatus } from '../../core/report/report.js';
import type { ReportInput } from '../../messages/report.js';
import { validateReport } from './activities.js';
import { attachReportMessages } from './messages.js';
import { ReportRun } from './run.js';
import { showReport } from './view.js';

/** Changes after which a run takes over: each is an update and an activity, some 12 events. */
const CHANGES_PER_RUN = 200;

/** How a report ended; only a rejection ends one by itself. */
export interface ReportResult {
  reportId: string;
  status: ReportStatus;
  at: string;
}

/**
 * One report: it waits for acts and for the time, and validates what is handed in. It stays open after its approval,
 * because sign-offs expire and an edit takes them away; a rejection ends it.
 */
export async function agentHandoffReport(input: ReportInput): Promise<ReportResult> {
  const run = new ReportRun(input);
  CancellationScope.current().cancelRequested.catch(() => {
    run.cancelled = true;
    run.wake();
  });
  attachReportMessages(run);
  showReport(run);
  return CancellationScope.nonCancellable(async () => {
    while (run.state.status !== 'rejected' && !run.cancelled) {
      if (run.state.status === 'submitted') await validate(run);
      else if (run.changes >= (input.changesPerRun ?? CHANGES_PER_RUN) || workflowInfo().continueAsNewSuggested)
        await goOn(run);
      else {
        await run.change();
        run.settle();
      }
    }
    await settled(run);
    if (run.state.status !== 'rejected')
      throw new CancelledFailure(`report ${input.reportId} was cancelled in Temporal`);
    const { status, updatedAt } = run.state;
    return { reportId: input.reportId, status, at: new Date(updatedAt).toISOString() };
  });
}

/** Looks at what was handed in, and approves at once what facts say enough of. */
async function validate(run: ReportRun): Promise<void> {
  const { findings, facts } = await validateReport({ state: run.state });
  run.dispatch({ type: 'validated', findings, facts });
  const { state } = run;
  if (state.status !== 'under_review' || isRefused(state)) return;
  const verified = autoApproval(state);
  if (!verified.approves) return;
  const part = (ratio: number): string => `${Math.round(ratio * 100)} %`;
  const comments = `Approved by facts: components ${part(verified.components)}, tests ${part(verified.tests)}, coverage ${part(verified.coverage)} of the target; together ${part(verified.score)}.`;
  run.dispatch({ type: 'reviewed', by: 'system', status: 'approved', comments, automatic: true });
}

/**
 * All that was asked is answered, and on record: both at the same moment, for an act that comes while the last is put on
 * record begins a record of its own.
 */
async function settled(run: ReportRun): Promise<void> {
  await condition(() => allHandlersFinished() && run.isRecorded);
  await run.recorded();
}

/** A run ends where its history has grown long; the next one takes the state along. What came meanwhile is done first. */
async function goOn(run: ReportRun): Promise<void> {
  await settled(run);
  // An answer may have let in one more act, which can have handed it in.
  if (run.state.status === 'submitted' || run.state.status === 'rejected' || run.cancelled) return;
  await continueAsNew<typeof agentHandoffReport>({ ...run.input, carried: run.state, keys: run.keys });
}
