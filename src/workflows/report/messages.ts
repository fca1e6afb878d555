import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import type { UpdateDefinition } from '@temporalio/common';
import { errorMessage } from '../../core/errors.js';
import type { ReportMessageName } from '../../core/report/message.js';
import { refuseReport, type ReportRefusal } from '../../core/report/refusal.js';
import type { Actor, ReportState } from '../../core/report/report.js';
import { reportWords } from '../../core/report/words.js';
import {
  commentReportUpdate,
  editReportUpdate,
  enterFactUpdate,
  meetConditionUpdate,
  recordedReportUpdate,
  reportStatusQuery,
  reviewReportUpdate,
  revokeSignOffUpdate,
  signOffReportUpdate,
  submitReportUpdate,
  type ReportAnswer,
} from '../../messages/report.js';
import type { ReportRun } from './run.js';

/** How long the answer to `submit` waits for the validation that it begins. Milliseconds. */
const VALIDATION_MS = 5000;

const refused = ({ code, params }: ReportRefusal): ApplicationFailure =>
  ApplicationFailure.create({ type: code, message: errorMessage(code, params), nonRetryable: true, details: [params] });

interface Acting {
  actor: Actor;
  key?: string;
}
const ACTOR = '"actor": {"by": "you", "roles": ["…"]}';

/**
 * Attaches every message. Acts that do not fit are refused by a synchronous validator that says why, and leave no trace
 * in history; one whose key is known was done before.
 */
export function attachReportMessages(run: ReportRun): void {
  const keyOf = (name: ReportMessageName, { actor, key }: Acting): string | undefined =>
    key === undefined ? undefined : `${name} ${actor.by} ${key}`;
  const isKnown = (name: ReportMessageName, message: unknown): boolean => {
    const { actor, key } = (message ?? {}) as { actor?: Actor | null; key?: string };
    return key !== undefined && actor?.by !== undefined && run.keys.includes(keyOf(name, { actor, key })!);
  };
  const answer = async (): Promise<ReportAnswer> => {
    const { state } = run;
    await run.recorded();
    return { state };
  };
  const on = <M extends Acting>(
    definition: UpdateDefinition<ReportAnswer, [M]>,
    name: ReportMessageName,
    description: string,
    act: (message: M) => Promise<void> | void,
  ): void =>
    setHandler(
      definition,
      async (message) => {
        if (isKnown(name, message)) return answer();
        run.settle();
        // What was handled since the validator looked may have changed it.
        const refusal = refuseReport(run.state, name, message, Date.now());
        if (refusal) throw refused(refusal);
        const key = keyOf(name, message);
        if (key) run.remember(key);
        await act(message);
        return answer();
      },
      {
        validator: (message) => {
          const refusal = isKnown(name, message) ? undefined : refuseReport(run.state, name, message, Date.now());
          if (refusal) throw refused(refusal);
        },
        description,
      },
    );

  on(editReportUpdate, 'edit', 'Takes a new version, whose content is in the store', ({ actor, ...m }) =>
    run.dispatch({ type: 'edited', by: actor.by, what: m.what, version: m.version, outline: m.outline }, actor),
  );
  on(
    submitReportUpdate,
    'submit',
    `Hands it in: {${ACTOR}, "digest": "of its version"}`,
    async ({ actor, notes, edit }) => {
      const more = { ...(notes === undefined ? {} : { notes }), ...(edit ? { edit } : {}) };
      run.dispatch({ type: 'submitted', by: actor.by, ...more }, actor);
      const { submissions } = run.state;
      const isOver = (s: ReportState): boolean => s.status !== 'submitted' || s.submissions !== submissions;
      if (!isOver(run.state))
        await condition(() => isOver(run.state), VALIDATION_MS, { summary: 'Answers before validation is over' });
    },
  );
  on(
    reviewReportUpdate,
    'review',
    `Decides: {${ACTOR}, "digest": "of its version", "status": "approved, rejected or amendments_required", "comments": "why"}`,
    ({ actor, digest: _bound, key: _known, seq: _seen, ...said }) =>
      run.dispatch({ type: 'reviewed', by: actor.by, ...said }, actor),
  );
  on(
    enterFactUpdate,
    'enterFact',
    `What a reviewer has seen: {${ACTOR}, "digest": "of its version", "fact": {"component": "…", "verified": true}}`,
    ({ actor, fact }) => run.dispatch({ type: 'fact_entered', by: actor.by, fact }, actor),
  );
  on(
    signOffReportUpdate,
    'signOff',
    `Signs it off: {${ACTOR}, "digest": "of its version", "role": "tech_lead", "status": "approved", "comments": ""}`,
    ({ actor, role, status, comments, conditions }) => {
      const conditional = status === 'approved' && conditions && conditions.length > 0;
      const given = conditional ? 'conditionally_approved' : status;
      const more = conditions ? { conditions } : {};
      run.dispatch({ type: 'signed_off', by: actor.by, role, status: given, comments, ...more }, actor);
    },
  );
  on(
    revokeSignOffUpdate,
    'revokeSignOff',
    `Takes a sign-off back: {${ACTOR}, "role": "tech_lead", "reason": "why"}`,
    ({ actor, role, reason }) => run.dispatch({ type: 'revoked', by: actor.by, role, reason }, actor),
  );
  on(
    meetConditionUpdate,
    'meetCondition',
    `Marks a condition as met: {${ACTOR}, "role": "tech_lead", "condition": 0}`,
    ({ actor, role, condition: at, note }) => {
      const more = note === undefined ? {} : { note };
      run.dispatch({ type: 'condition_met', by: actor.by, role, condition: at, ...more }, actor);
    },
  );
  on(commentReportUpdate, 'comment', `Says something: {${ACTOR}, "text": "…"}`, ({ actor, text }) =>
    run.dispatch({ type: 'commented', by: actor.by, text }, actor),
  );
  setHandler(recordedReportUpdate, answer, { description: 'Changes nothing; answers once everything is on record' });
  setHandler(
    reportStatusQuery,
    () => ({ state: run.state, words: reportWords(run.state, Date.now()), at: Date.now() }),
    { description: 'Everything about this report at this moment, without its content' },
  );
}
