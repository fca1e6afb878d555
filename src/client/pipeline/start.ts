import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { SearchAttributeType, TypedSearchAttributes, defineSearchAttributeKey } from '@temporalio/common';
import { uuidv7 } from 'uuidv7';
import { parsePipelineRequest } from '../../core/pipeline/request-schema.js';
import { digestOf } from '../../core/digest.js';
import { HandoffError } from '../../core/errors.js';
import { PHASE_NAME, checkSession, checkedName } from '../../core/ids.js';
import { STANDARD_PHASES, type MergeStrategy } from '../../core/package/package.js';
import { PIPELINE_TYPE, pipelineWorkflowIdOf } from '../../core/pipeline/ids.js';
import {
  DEFAULT_MERGE,
  type FrozenPhase,
  type PackedPipeline,
  type PipelineInput,
  type PipelineSubject,
  type PipelineTerms,
} from '../../core/pipeline/pipeline.js';
import type { HandoffInput } from '../../core/request.js';
import { parseRequest } from '../../core/request-schema.js';
import { SEARCH_KEYS } from '../../core/search-keys.js';
import type { StoredPipeline } from '../../storage/pipelines/pipelines.js';
import type { Storage } from '../../storage/storage.js';
import { isNotFound, withDeadline, type Caller } from '../calls.js';
import { pinContract } from '../pin-contract.js';
import { checkProcedure, freeze, procedureOf, type Catalogue } from '../start.js';

/** How each phase change is handed over. */
export interface TransitionRequest {
  /** Default PHASE_TRANSITION_STANDARD. */
  procedure?: string;
  /** For a procedure that asks for an acceptance. Default `auto`. */
  acceptance?: 'auto' | 'explicit';
  expiresInMinutes?: number;
}

/** What a pipeline is started with. */
export interface PipelineRequest {
  session: string;
  /** Default: the session. */
  cloneId?: string;
  /** Of your pipeline, kept in its packages. Default `1.0.0`. */
  pipelineVersion?: string;
  /** In this order, by the names of the workers' handlers. Default: the seven of {@link STANDARD_PHASES}. */
  phases?: readonly string[];
  /** `handoff`: each phase change is a handoff of its own. Default `none`. */
  transitions?: 'none' | 'handoff' | TransitionRequest;
  /** How long a checkpoint package is good for; it does not age while its run waits. Default: it never expires. */
  packageExpiresInMinutes?: number;
  /** Steps after which a run continues as a new one. Default 400. */
  stepsPerRun?: number;
}

export interface StartedPipeline {
  session: string;
  pipelineId: string;
  workflowId: string;
  runId: string;
}

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/**
 * Freezes a pipeline's phases and steps as the workers have made them known, and starts it. Throws INVALID_ID,
 * INVALID_REQUEST, PHASE_UNKNOWN, and PIPELINE_RUNNING where the session has one that is open.
 */
export async function startPipeline(
  caller: Caller,
  storage: Storage,
  catalogue: Catalogue,
  asked: PipelineRequest,
): Promise<StartedPipeline> {
  const request = parsePipelineRequest(asked);
  const { session, cloneId = session, pipelineVersion = '1.0.0', packageExpiresInMinutes, stepsPerRun } = request;
  checkSession(session);
  request.phases?.forEach((phase) => checkedName('Phase', phase, PHASE_NAME));
  const subject: PipelineSubject = { pipelineId: `pl-${uuidv7()}`, session, cloneId, pipelineVersion };
  const phases = await frozenPhases(storage, request.phases ?? STANDARD_PHASES);
  const transition = await transitionOf(request, phases, subject, storage, catalogue);
  const terms: PipelineTerms = {
    ...(transition ? { transition } : {}),
    ...(packageExpiresInMinutes === undefined ? {} : { packageExpiryMs: packageExpiresInMinutes * 60_000 }),
    ...(stepsPerRun === undefined ? {} : { stepsPerRun }),
  };
  return launchPipeline(caller, { subject, phases, terms });
}

/**
 * Has a new run on the caller's task queue go on from a package, and ends the one that waits with it: for a pipeline
 * whose workers are gone, or another storage that has the package. `packed`: see `packedIn`. A package that was taken
 * up already fails the new run with PIPELINE_RESUME_FAILED, so look before: a run that goes on would be ended for it.
 * `asOf` (milliseconds): for a run that waited until now, whose clock stood still, the time of its checkpoint.
 * `instead`: ends this run and no other, so that of two who do it at once one is refused with PIPELINE_RUNNING.
 */
export async function resumePipelineAnew(
  caller: Caller,
  packed: PackedPipeline,
  from: { packageId: string; merge?: MergeStrategy; by: string; asOf?: number },
  instead?: string,
): Promise<StartedPipeline> {
  const { subject, phases, terms } = packed;
  const input = { subject, phases, terms, from: { merge: DEFAULT_MERGE, ...from } };
  if (instead !== undefined) await endRun(caller, subject.session, instead);
  return launchPipeline(caller, input);
}

/**
 * Has a new run go on where the records of the steps end: for a pipeline whose run was ended in Temporal. Throws
 * PIPELINE_RUNNING where it was not. `instead`: a run that waits or that nobody answers for, and is ended for it.
 */
export async function recoverPipeline(
  caller: Caller,
  { subject, phases, terms, epoch }: Pick<StoredPipeline, 'subject' | 'phases' | 'terms' | 'epoch'>,
  by: string,
  instead?: string,
): Promise<StartedPipeline> {
  if (instead !== undefined) await endRun(caller, subject.session, instead);
  return launchPipeline(caller, { subject, phases, terms, from: { by, merge: DEFAULT_MERGE, epoch: epoch + 1 } });
}

/** Ends one run of a session's pipeline; one that is over is no matter. */
async function endRun(caller: Caller, session: string, runId: string): Promise<void> {
  const handle = caller.temporal.workflow.getHandle(pipelineWorkflowIdOf(session), runId);
  const what = `The end of run ${runId} of session ${session}`;
  await withDeadline(caller, what, () => handle.terminate('another run takes its place')).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

async function frozenPhases(storage: Storage, names: readonly string[]): Promise<FrozenPhase[]> {
  const known = new Map((await storage.pipelines.phases()).map((p) => [p.phase, p]));
  return names.map((phase) => {
    const found = known.get(phase);
    if (!found) throw new HandoffError('PHASE_UNKNOWN', { phase, known: [...known.keys()].join(', ') || 'none' });
    return found;
  });
}

/** The input of one phase change, as `client.start` would make it; the run fills in which phases and what id. */
async function transitionOf(
  request: PipelineRequest,
  phases: readonly FrozenPhase[],
  { pipelineId, session }: PipelineSubject,
  storage: Storage,
  catalogue: Catalogue,
): Promise<HandoffInput | undefined> {
  const { transitions = 'none' } = request;
  if (transitions === 'none' || phases.length < 2) return undefined;
  const asked = transitions === 'handoff' ? {} : transitions;
  const handoff = parseRequest(
    {
      handoffId: pipelineId,
      procedure: 'PHASE_TRANSITION_STANDARD',
      acceptance: 'auto',
      session,
      source: { phase: phases[0]!.phase },
      target: { phase: phases[1]!.phase },
      ...asked,
    },
    Date.now(),
    () => pipelineId,
  );
  const procedure = await checkProcedure(await procedureOf(handoff, catalogue, storage), catalogue, storage);
  return freeze(await pinContract(handoff, storage), procedure, digestOf(handoff), storage);
}

async function launchPipeline(caller: Caller, input: PipelineInput): Promise<StartedPipeline> {
  const { subject, phases } = input;
  const { session, pipelineId, cloneId, pipelineVersion } = subject;
  const workflowId = pipelineWorkflowIdOf(session);
  const first = phases[0]!.phase;
  const last = phases.at(-1)!.phase;
  try {
    const handle = await withDeadline(caller, `The start of the pipeline of session ${session}`, () =>
      caller.temporal.workflow.start(PIPELINE_TYPE, {
        workflowId,
        taskQueue: caller.taskQueue,
        args: [input],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
        memo: { pipeline: { pipelineId, cloneId, pipelineVersion } },
        staticSummary: `${first} → ${last}`,
        staticDetails: `Pipeline \`${pipelineId}\` of session \`${session}\`: ${phases.map((p) => p.phase).join(' → ')}`,
        typedSearchAttributes: new TypedSearchAttributes([
          { key: keyword(SEARCH_KEYS.status), value: 'running' },
          { key: keyword(SEARCH_KEYS.source), value: first },
          { key: keyword(SEARCH_KEYS.target), value: first },
          { key: keyword(SEARCH_KEYS.session), value: session },
        ]),
      }),
    );
    return { session, pipelineId, workflowId, runId: handle.firstExecutionRunId };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new HandoffError('PIPELINE_RUNNING', { session }, { cause: error });
  }
}
