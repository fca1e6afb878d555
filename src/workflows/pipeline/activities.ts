import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  TimeoutFailure,
  proxyActivities,
} from '@temporalio/workflow';
import type { Failure } from '../../core/handoff.js';
import { DEFAULT_TIMEOUT_S, type StepTerms } from '../../core/pipeline/pipeline.js';
import type { PhaseStepTask, PipelineActivities } from '../../core/pipeline/task.js';
import { failureOf, isNonRetryable } from '../handoff/activities.js';

// Regular activities only: a pipeline hears messages at any time, and local ones do not go with them.

/** The activity wrapper beats every second; a dead worker is found in this time. */
const HEARTBEAT_TIMEOUT = '5s';
/** A context may be large, and it is written and read whole; the wrapper beats meanwhile. */
const PACKAGE_TIMEOUT = '10m';

/** Work that must get done however long it takes; what cannot be mended by repeating it is thrown. */
const record = (summary: string, startToCloseTimeout: '60s' | typeof PACKAGE_TIMEOUT = '60s'): PipelineActivities =>
  proxyActivities<PipelineActivities>({
    startToCloseTimeout,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
    summary: summary.slice(0, 120),
  });

export const { openPipeline } = record('Registers the pipeline');
export const { projectPipeline } = record('Records its state');
export const { transitionOutcome } = record('Looks what became of the phase change');
export const { receivePackage } = record('Takes up the package', PACKAGE_TIMEOUT);
export const { checkpointPipeline } = record('Writes the checkpoint package', PACKAGE_TIMEOUT);

/**
 * One attempt of a step. Attempts are counted by the run: a pause can end the wait between two, and a worker that was
 * killed takes none away.
 */
export const callStep = (terms: StepTerms, task: PhaseStepTask): Promise<Record<string, unknown>> =>
  proxyActivities<PipelineActivities>({
    startToCloseTimeout: (terms.timeoutSeconds ?? DEFAULT_TIMEOUT_S) * 1000,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { maximumAttempts: 1 },
    summary: `${task.phase} ${task.number}/${task.totalSteps}: ${task.step}`.slice(0, 120),
  }).runPhaseStep(task);

/** What an attempt that failed says, whether it counts, and whether another can help. */
export function faultOfStep(error: unknown): { failure: Failure; counts: boolean; final: boolean } {
  const root = error instanceof ActivityFailure ? error.cause : error;
  // The worker is gone or going; the step is not to blame.
  const gone =
    (root instanceof TimeoutFailure && root.timeoutType === 'HEARTBEAT') ||
    (root instanceof ApplicationFailure && root.type === 'WorkerShutdown');
  return { failure: failureOf(error), counts: !gone, final: isNonRetryable(error) };
}
