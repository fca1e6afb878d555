import { HandoffError } from '../../core/errors.js';
import { ledgerIdOf, ledgerStepOf } from '../../core/pipeline/ids.js';
import type { PhaseStepTask } from '../../core/pipeline/task.js';
import {
  beginAttempt,
  checkFence,
  doneStep,
  recordStep,
  type AttemptId,
  type Fence,
} from '../../storage/pipelines/pipelines.js';
import { readPhase, writePhase } from '../../storage/sessions.js';
import type { StepRef } from '../../storage/steps.js';
import type { Deps } from '../action.js';
import { runEffect } from '../effect-runner.js';
import { failpoint } from '../../faults/failpoint.js';
import type { Attempt } from '../wrapper.js';
import { contextOf } from './context.js';
import { unknownPhase, type PhaseStepContext } from './phase.js';

/** What a step may return, as characters of JSON. */
const FACTS_LIMIT = 16 * 1024;

/**
 * One attempt of one step. A step that is on record as done is not run again, whoever asks; an attempt that a resume has
 * overtaken can record nothing. Throws PHASE_UNKNOWN, STALE_EPOCH.
 */
export async function runPhaseStep(
  deps: Deps,
  task: PhaseStepTask,
  signal: AbortSignal,
  attempt: Pick<Attempt, 'progress'> & { call: AttemptId },
): Promise<Record<string, unknown>> {
  const { storage, phases } = deps;
  const { subject, phase, step, totalSteps } = task;
  const { pipelineId, session } = subject;
  const known = await storage.pipelines.done(pipelineId, phase, step);
  if (known) return known.result;
  const handler = phases.get(phase)?.find((s) => s.name === step);
  if (!handler) throw unknownPhase(ledgerStepOf(phase, step), phases);
  const { epoch } = task;
  const name = ledgerStepOf(phase, step);
  const fence = { pipelineId, epoch, attempt: attempt.call };
  const by = ledgerIdOf(pipelineId);
  const already = await storage.pipelines.fenced({ pipelineId, epoch }, name, async (trx) => {
    // One that was taken for dead may have ended it in this moment.
    const done = await doneStep(trx, pipelineId, phase, step);
    if (done) return done;
    await beginAttempt(trx, pipelineId, { phase, step }, epoch, attempt.call);
    if ((await readPhase(trx, session, phase))?.status !== 'in_progress')
      await writePhase(trx, session, phase, 'in_progress', by);
    return undefined;
  });
  if (already) return already.result;
  await failpoint('phase_step.before');
  const startedAt = Date.now();
  const result = bounded(task, await handler.run(await contextFor(deps, task, fence, signal, attempt.progress)));
  await failpoint('phase_step.after');
  await storage.pipelines.fenced(fence, name, async (trx) => {
    await recordStep(trx, pipelineId, { phase, step, epoch: task.epoch, attempt: task.attempt, result, startedAt });
    if (task.number === totalSteps) await writePhase(trx, session, phase, 'completed', by);
  });
  await failpoint('phase_step.recorded');
  return result;
}

/** What a handler returned, as JSON has it. A handler is foreign code, so it may be anything. */
function bounded({ phase, step }: PhaseStepTask, returned: unknown): Record<string, unknown> {
  const what = `What step ${ledgerStepOf(phase, step)} returned`;
  let text: string | undefined;
  try {
    text = JSON.stringify(returned ?? {});
  } catch (error) {
    throw new HandoffError('INVALID_REQUEST', { issues: `${what}: ${(error as Error).message}` }, { cause: error });
  }
  const facts = text === undefined ? undefined : (JSON.parse(text) as unknown);
  if (typeof facts !== 'object' || facts === null || Array.isArray(facts))
    throw new HandoffError('INVALID_REQUEST', { issues: `${what}: must be an object, or nothing` });
  const size = text.length;
  if (size <= FACTS_LIMIT) return facts as Record<string, unknown>;
  throw new HandoffError('INPUT_TOO_LARGE', { what, size, limit: FACTS_LIMIT });
}

async function contextFor(
  deps: Deps,
  task: PhaseStepTask,
  fence: Fence,
  signal: AbortSignal,
  progress: PhaseStepContext['progress'],
): Promise<PhaseStepContext> {
  const { subject, phase, step, number, totalSteps, attempt } = task;
  const { session, cloneId, pipelineId } = subject;
  const name = ledgerStepOf(phase, step);
  // The key has one epoch for ever: an effect is made once however often the pipeline is resumed.
  const ref: StepRef = { handoff: ledgerIdOf(pipelineId), session, step: name, epoch: 1 };
  // What has begun is put on record all the same: the next attempt must know that it happened.
  const check = (): Promise<void> => deps.storage.pipelines.check(fence, name);
  return {
    session,
    cloneId,
    pipelineId,
    phase,
    step,
    stepNumber: number,
    totalSteps,
    attempt,
    signal,
    context: await contextOf(deps.storage, task, (trx) => checkFence(trx, fence, name)),
    storage: deps.storage,
    progress,
    effect: runEffect(deps, { ref, kind: `action:${name}`, irreversible: true }, signal, check),
  };
}
