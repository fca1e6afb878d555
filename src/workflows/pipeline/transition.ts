import {
  SearchAttributeType,
  TypedSearchAttributes,
  WorkflowExecutionAlreadyStartedError,
  defineSearchAttributeKey,
} from '@temporalio/common';
import { ParentClosePolicy, getExternalWorkflowHandle, log, startChild } from '@temporalio/workflow';
import { workflowIdOf } from '../../core/ids.js';
import { transitionIdOf } from '../../core/pipeline/ids.js';
import { placeAt } from '../../core/pipeline/pipeline.js';
import type { HandoffInput } from '../../core/request.js';
import { SEARCH_KEYS } from '../../core/search-keys.js';
import { cancelSignal, pauseSignal, resumeSignal } from '../../messages.js';
import { failureOf } from '../handoff/activities.js';
import { transitionOutcome } from './activities.js';
import { mustStop } from './receive.js';
import type { PipelineRun } from './run.js';

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** Between two looks at a phase change that another run began, seconds. */
const LOOK_S = { first: 2, most: 30 };

/** Whether the next phase has still to be handed over. */
export const transitionDue = (run: PipelineRun): boolean =>
  run.input.terms.transition !== undefined && run.state.at.phase > run.state.entered;

/**
 * Hands one phase over to the next by a handoff of its own, and waits for it, until it is over or the pipeline is to stop
 * here. The handoff goes on whatever becomes of this run; the next run looks what became of it.
 */
export async function passOver(run: PipelineRun): Promise<void> {
  const open = run.state.transition;
  if (open) await tell(run, open.handoffId, 'resume');
  else await begin(run, run.input.terms.transition!);
  const { handoffId } = run.state.transition!;
  for (let wait = LOOK_S.first; !mustStop(run) && !run.state.ending; wait = Math.min(wait * 2, LOOK_S.most)) {
    const child = run.children.get(handoffId);
    const found = child ?? (await transitionOutcome({ handoffId }));
    if (found.outcome === 'completed') return run.dispatch({ type: 'transition_done' });
    if (found.outcome !== undefined) return fail(run, handoffId, found.outcome, found.reason);
    if (child) await run.change();
    else await run.change(Date.now() + wait * 1000, `Looks what became of ${handoffId}`);
  }
}

async function begin(run: PipelineRun, template: HandoffInput): Promise<void> {
  const { subject } = run.input;
  const { entered, transitions } = run.state;
  const [from, to] = [entered, entered + 1].map((phase) => placeAt({ phase, step: 0 }, run.phases).phase) as [
    string,
    string,
  ];
  const handoffId = transitionIdOf(subject, from, to, transitions + 1);
  const input: HandoffInput = {
    ...template,
    subject: {
      ...template.subject,
      handoffId,
      session: subject.session,
      source: { phase: from },
      target: { phase: to },
    },
  };
  run.dispatch({ type: 'transition_started', handoffId });
  try {
    const child = await startChild(template.subject.procedure.id, {
      workflowId: workflowIdOf(handoffId),
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      staticSummary: `${from} → ${to}, of pipeline ${subject.session}`.slice(0, 200),
      memo: { requestDigest: template.subject.requestDigest },
      typedSearchAttributes: new TypedSearchAttributes([
        { key: keyword(SEARCH_KEYS.status), value: 'running' },
        { key: keyword(SEARCH_KEYS.source), value: `phase ${from}` },
        { key: keyword(SEARCH_KEYS.target), value: `phase ${to}` },
        { key: keyword(SEARCH_KEYS.priority), value: input.subject.priority },
        { key: keyword(SEARCH_KEYS.session), value: subject.session },
      ]),
    });
    const state: { outcome?: string; reason?: string } = {};
    run.children.set(handoffId, state);
    void watch(run, child.result(), state);
  } catch (error) {
    // A reset run finds the one that it had begun.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

async function watch(
  run: PipelineRun,
  result: Promise<unknown>,
  state: { outcome?: string; reason?: string },
): Promise<void> {
  try {
    await result;
    state.outcome = 'completed';
  } catch (error) {
    state.outcome = 'failed';
    state.reason = failureOf((error as Error).cause ?? error).message;
  }
  run.wake();
}

function fail(run: PipelineRun, handoffId: string, outcome: string, reason = ''): void {
  const message = reason.startsWith('Handoff ') ? reason : `Handoff ${handoffId} ended ${outcome}: ${reason}`;
  run.dispatch({ type: 'failed', failure: { code: 'HANDOFF_FAILED', message } });
}

/** Tells the handoff of an open phase change of a pause, its end, or the end of the pipeline. One that has closed is none the wiser. */
export async function tell(run: PipelineRun, handoffId: string, what: 'pause' | 'resume' | 'cancel'): Promise<void> {
  const by = `pipeline ${run.input.subject.session}`;
  const handle = getExternalWorkflowHandle(workflowIdOf(handoffId));
  const reason = { pause: 'its pipeline is paused', cancel: 'its pipeline is cancelled', resume: '' }[what];
  try {
    if (what === 'resume') await handle.signal(resumeSignal, { by, holder: 'parent' });
    else if (what === 'pause') await handle.signal(pauseSignal, { by, reason, holder: 'parent' });
    else await handle.signal(cancelSignal, { by, reason });
  } catch (error) {
    log.info(`handoff ${handoffId} was not told: ${what}`, { error: String(error) });
  }
}
