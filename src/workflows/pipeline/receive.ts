import { workflowInfo } from '@temporalio/workflow';
import { remaining } from '../../core/clock.js';
import type { Holder } from '../../core/handoff.js';
import { packageIdOf } from '../../core/pipeline/ids.js';
import { PAUSE_REASON } from '../../core/pipeline/reducer.js';
import {
  isHeld,
  placeAt,
  resumePointOf,
  type Checkpoint,
  type PackedPipeline,
  type PipelineInput,
} from '../../core/pipeline/pipeline.js';
import { checkpointPipeline, receivePackage } from './activities.js';
import type { PipelineRun } from './run.js';

/** Writes the checkpoint package of the present epoch, and waits with it. */
export async function writeCheckpoint(run: PipelineRun): Promise<void> {
  const { state, phases, input } = run;
  const { phase, total: totalSteps } = placeAt(state.at, phases);
  const failed = state.status === 'failed';
  const hold = state.holds.operator ?? state.holds.parent;
  const { failure } = state;
  const checkpoint = await checkpointPipeline({
    ...run.ref,
    packageId: packageIdOf(input.subject.pipelineId, state.epoch),
    status: failed ? 'error' : 'paused',
    reason: failed
      ? `failed: ${failure?.code ?? 'ACTION_FAILED'}`
      : state.moveTo
        ? 'transfer'
        : (hold?.reason ?? PAUSE_REASON),
    by: (failed ? undefined : (state.moveTo?.by ?? hold?.by)) ?? 'system',
    phase,
    step: state.at.step,
    totalSteps,
    resumePoint: resumePointOf(state.at, phases),
    packed: packedOf(run),
    now: Date.now(),
    ...(failed && failure ? { error: { code: failure.code, message: failure.message } } : {}),
  });
  run.dispatch({ type: 'checkpointed', checkpoint });
}

function packedOf({ state, input }: PipelineRun): PackedPipeline {
  const { at, entered, transitions, transition, epoch } = state;
  return {
    subject: input.subject,
    phases: input.phases,
    terms: input.terms,
    epoch,
    at,
    entered,
    transitions,
    ...(transition ? { transition } : {}),
  };
}

/** What the time is to a package whose clock stood still while its run waited; undefined: it never expires. */
const asOf = ({ expiry, at }: Checkpoint, full: number | undefined): number | undefined =>
  expiry && full !== undefined ? at + full - remaining(expiry, Date.now()) : undefined;

/** Takes the present package up, or the one that the run begins with, and goes on. Throws what the activity throws. */
export async function receive(
  run: PipelineRun,
  { by, merge, lifts, packageId, epoch, asOf: told }: NonNullable<PipelineInput['from']> & { lifts: Holder[] },
): Promise<void> {
  const { checkpoint } = run.state;
  const id = packageId ?? checkpoint?.packageId;
  const time = told ?? (checkpoint && asOf(checkpoint, run.input.terms.packageExpiryMs));
  run.receiving = true;
  try {
    const received = await receivePackage({
      subject: run.input.subject,
      epoch: epoch ?? run.state.epoch + 1,
      terms: run.input.terms,
      run: run.chain,
      taskQueue: workflowInfo().taskQueue,
      phases: [...run.phases],
      merge,
      by,
      ...(id === undefined ? {} : { packageId: id }),
      ...(epoch === undefined ? {} : { fromRecords: true }),
      ...(time === undefined ? {} : { asOf: time }),
    });
    run.dispatch({ type: 'received', lifts, ...received });
  } finally {
    run.receiving = false;
    run.wake();
  }
}

/** Whether a boundary is where a pause or a move takes hold. */
export const mustStop = (run: PipelineRun): boolean => isHeld(run.state) || run.state.moveTo !== undefined;
