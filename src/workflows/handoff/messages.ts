import { log, setHandler } from '@temporalio/workflow';
import { dueAt, remaining } from '../../core/clock.js';
import { parseDate } from '../../core/date.js';
import { words } from '../../core/words.js';
import { errorMessage } from '../../core/errors.js';
import { stepsBackTo } from '../../core/take-back.js';
import { shownStatus, runningSteps, type MessageName } from '../../core/handoff.js';
import { faultOf } from '../../core/message.js';
import { hasEffect } from '../../core/procedure.js';
import { progressOf } from '../../core/progress.js';
import { refuse, type Refusal } from '../../core/refusal.js';
import {
  acceptUpdate,
  cancelSignal,
  completeUpdate,
  extendExpiryUpdate,
  pauseSignal,
  progressQuery,
  rejectUpdate,
  resolveIncidentUpdate,
  resumeSignal,
  retryStepUpdate,
  rollbackUpdate,
  skipStepUpdate,
  statusQuery,
  submitReturnUpdate,
  type AcceptMessage,
  type CompleteMessage,
  type ExtendExpiryMessage,
  type RejectMessage,
  type ResolveIncidentMessage,
  type RetryStepMessage,
  type RollbackMessage,
  type SkipStepMessage,
} from '../../messages.js';
import { goRegular } from './activities.js';
import { attachSignals, signal } from '../signals.js';
import { refused, submitReturn } from './returns.js';
import type { Run } from './run.js';

/** Whether the failed attempts at an incident's step may have left something behind, or still do: one that stalled is given up, and runs on. */
function mayRunOn(run: Run, incidentId: string): boolean {
  const incident = run.state.incidents.find((i) => i.id === incidentId);
  return incident?.kind === 'step' && incident.step !== undefined && hasEffect(run.step(incident.step));
}

const time = (iso: string | null | undefined): number | undefined => (iso ? parseDate(iso) : undefined);

/**
 * Attaches every message to a run. Updates that do not fit are refused by a synchronous validator and leave no trace in
 * history; signals that do not fit change nothing.
 */
export function attachMessages(run: Run): void {
  const refusalOf = (name: MessageName, message: unknown): Refusal | undefined => {
    const why = faultOf(name, message);
    if (why) return { code: 'INVALID_MESSAGE', params: { message: name, why } };
    return refuse(run.id, run.state, { name, ...(message as object) }, Date.now(), run.procedure);
  };
  const validator = (name: MessageName) => (message: unknown) => {
    const refusal = refusalOf(name, message);
    if (refusal) throw refused(refusal);
  };
  const onSignal = <M>(name: MessageName, handle: (message: M) => void) => {
    return (message: M): void => {
      const refusal = refusalOf(name, message);
      if (!refusal) return handle(message);
      goRegular();
      log.warn(`signal ${name} changes nothing: ${errorMessage(refusal.code, refusal.params)}`);
      // It stands in the history all the same, which the main loop keeps an eye on.
      run.wake();
    };
  };

  /**
   * An update takes effect at once, and is answered once that is on record: see `recorded`. One that finds the handoff
   * on record as completed came too late.
   */
  const onRecord =
    <M, R>(name: MessageName, handle: (message: M) => R) =>
    async (message: M): Promise<R> => {
      const answer = handle(message);
      await run.recorded();
      const refusal = run.completed && refusalOf(name, message);
      if (refusal) throw refused(refusal);
      return answer;
    };

  attachSignals([
    signal(
      pauseSignal,
      onSignal('pause', (m) => run.dispatch({ ...m, type: 'pause', until: time(m.until), at: time(m.at) })),
      'Pauses at the next step boundary: {"by": "you", "reason": "why", "until": "2026-01-13T11:30:00Z" (optional)}',
    ),
    signal(
      resumeSignal,
      onSignal('resume', (m) => run.dispatch({ ...m, type: 'resume', at: time(m.at) })),
      'Resumes a paused handoff: {"by": "you", "note": "optional"}',
    ),
    signal(
      cancelSignal,
      onSignal('cancel', (m) => run.dispatch({ ...m, type: 'cancel' })),
      'Undoes all that was done and closes as cancelled: {"by": "you", "reason": "why"}',
    ),
  ]);

  setHandler(
    acceptUpdate,
    onRecord('accept', (m: AcceptMessage) => {
      run.dispatch({ ...m, leaseMinutes: m.leaseMinutes ?? undefined, type: 'accept' });
      return { epoch: run.state.acceptance.epoch };
    }),
    {
      validator: validator('accept'),
      description: 'The target takes the work: {"by": "@agent", "leaseMinutes": 30 (optional)}',
    },
  );
  setHandler(
    rejectUpdate,
    onRecord('reject', (m: RejectMessage) => {
      run.dispatch({ ...m, type: 'reject' });
      return { status: run.state.status };
    }),
    {
      validator: validator('reject'),
      description: 'The target refuses; all is undone: {"by": "@agent", "reason": "why"}',
    },
  );
  setHandler(
    completeUpdate,
    // It is in no inbox any more, and its end is recorded anyway.
    (m: CompleteMessage) => {
      run.dispatch({ ...m, type: 'complete' });
      return { status: run.state.status };
    },
    {
      validator: validator('complete'),
      description: 'The work is done: {"by": "@agent", "epoch": the number that accept returned}',
    },
  );
  setHandler(submitReturnUpdate, (m) => submitReturn(run, m), {
    validator: validator('submitReturn'),
    description:
      'Hands in what the contract expects back, all of it or none: {"by": "@agent", "epoch": the number that accept returned, "artifacts": [{"name": "app.json", "path": "out/app.json"}]}',
  });
  setHandler(
    extendExpiryUpdate,
    onRecord('extendExpiry', (m: ExtendExpiryMessage) => {
      run.dispatch({ ...m, type: 'extendExpiry' });
      const { expiry } = run.state;
      return { expiresAt: new Date(dueAt(expiry) ?? Date.now() + remaining(expiry, Date.now())).toISOString() };
    }),
    { validator: validator('extendExpiry'), description: 'Moves the expiry: {"by": "you", "minutes": 60}' },
  );
  setHandler(
    retryStepUpdate,
    onRecord('retryStep', (m: RetryStepMessage) => {
      run.decisions.set(m.incidentId, { kind: 'retry' });
      run.dispatch({
        ...m,
        type: 'retryStep',
        mayRunOn: mayRunOn(run, m.incidentId),
      });
      return { incidentId: m.incidentId };
    }),
    {
      validator: validator('retryStep'),
      description:
        'Tries again what an incident stands at, once what a failed step did is undone: {"by": "you", "reason": "why", "incidentId": "inc-1", "input": {} (optional)}',
    },
  );
  setHandler(
    resolveIncidentUpdate,
    onRecord('resolveIncident', (m: ResolveIncidentMessage) => {
      run.decisions.set(m.incidentId, { kind: 'resolve', ...(m.choice ? { choice: m.choice } : {}), value: m.value });
      run.dispatch({ ...m, type: 'resolveIncident', mayRunOn: mayRunOn(run, m.incidentId) });
      return { incidentId: m.incidentId };
    }),
    {
      validator: validator('resolveIncident'),
      description:
        'Ends an incident by hand: {"by": "you", "reason": "why", "incidentId": "inc-1", "choice": "keep_theirs | restore_before | merge" (for an undo conflict), "value": … (with merge)}',
    },
  );

  setHandler(
    skipStepUpdate,
    onRecord('skipStep', (m: SkipStepMessage) => {
      run.dispatch({ ...m, type: 'skipStep' });
      return { incidentId: m.incidentId };
    }),
    {
      validator: validator('skipStep'),
      description:
        'Undoes what the failed step did and goes on without it: {"by": "you", "reason": "why", "incidentId": "inc-1"}',
    },
  );
  setHandler(
    rollbackUpdate,
    onRecord('rollback', ({ toStep, ...m }: RollbackMessage) => {
      if (!toStep) run.decisions.set(m.incidentId, { kind: 'retry' });
      const part = toStep ? { toStep, steps: stepsBackTo(run.procedure, run.state, toStep) } : {};
      run.dispatch({ ...m, ...part, type: 'rollback' });
      return { incidentId: m.incidentId };
    }),
    {
      validator: validator('rollback'),
      description:
        'Undoes the whole handoff, or back to a step: {"by": "you", "reason": "why", "incidentId": "inc-1", "toStep": "step_id" (optional)}',
    },
  );

  setHandler(
    statusQuery,
    () => ({
      subject: run.input.subject,
      state: run.seen,
      words: words(run.input.subject, run.procedure, run.seen),
      at: Date.now(),
    }),
    { description: 'Everything about this handoff at this moment' },
  );
  setHandler(
    progressQuery,
    () => ({
      status: shownStatus(run.seen),
      ...progressOf(run.seen),
      running: runningSteps(run.seen),
    }),
    { description: 'Status and per cent done' },
  );
}
