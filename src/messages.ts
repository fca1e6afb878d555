/**
 * The typed messages of a handoff. Any Temporal client can import this module: it pulls in no workflow code.
 * Each message takes exactly one object.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ContractFault } from './core/contract.js';
import type { HandoffState, HandoffOutcome, Holder } from './core/handoff.js';
import type { MergeStrategy, RestoreConflict } from './core/package/package.js';
import type { PipelineShown } from './core/pipeline/pipeline.js';
import type { PipelineSnapshot } from './core/pipeline/snapshot.js';
import type { ArtifactSpec, Subject } from './core/request.js';

export interface PauseMessage {
  by: string;
  reason: string;
  /** ISO 8601: when it resumes by itself. */
  until?: string;
  /** ISO 8601: when the sender sent it. Absent: when it is handled. */
  at?: string;
  holder?: Holder;
}
export interface ResumeMessage {
  by: string;
  note?: string;
  at?: string;
  holder?: Holder;
}
export interface CancelMessage {
  by: string;
  reason: string;
}
export interface AcceptMessage {
  by: string;
  /** Without it the acceptance never lapses. */
  leaseMinutes?: number;
}
export interface RejectMessage {
  by: string;
  reason: string;
}
export interface CompleteMessage {
  by: string;
  /** The epoch that `accept` returned. */
  epoch: number;
  note?: string;
}
export interface SubmitReturnMessage {
  by: string;
  /** The epoch that `accept` returned. */
  epoch: number;
  /** What comes back, all of it or none: names as the contract expects them, paths as in a request. */
  artifacts: ArtifactSpec[];
}
/** What became of a submission. */
export interface SubmitReturnAnswer {
  /** False: it has faults; nothing was taken, and it can be sent again while rounds are left. */
  accepted: boolean;
  /** All that has been received by now, and what is still expected. */
  received: string[];
  outstanding: string[];
  faults: ContractFault[];
  /** Of what was sent, the fewest. 0: a person has to decide. */
  roundsLeft: number;
}
export interface ExtendExpiryMessage {
  by: string;
  minutes: number;
}
export interface RetryStepMessage {
  by: string;
  reason: string;
  incidentId: string;
  /** Laid over the step's `with`. */
  input?: Record<string, unknown>;
}
export interface SkipStepMessage {
  by: string;
  reason: string;
  incidentId: string;
}
export interface RollbackMessage {
  by: string;
  reason: string;
  incidentId: string;
  /** Undo only this step and all that come after it; an incident then stands there. Absent: undo the whole handoff. */
  toStep?: string;
}
export type ConflictChoice = 'keep_theirs' | 'restore_before' | 'merge';
export interface ResolveIncidentMessage {
  by: string;
  reason: string;
  incidentId: string;
  /** For an undo that met someone else's change. Absent: it was resolved by hand, nothing is touched. */
  choice?: ConflictChoice;
  /** With `merge`: the value that the resource gets. */
  value?: unknown;
}

/** Everything about a handoff at one moment. Small facts only, no content. */
export interface HandoffSnapshot {
  subject: Subject;
  state: HandoffState;
  /** In words: what it waits for, since when, what comes next, what to press. */
  words: string;
  /** Milliseconds; the time of the answer as the workflow knows it. */
  at: number;
}
export interface HandoffProgress {
  status: string;
  /** 0 to 100. */
  percent: number;
  stepsDone: number;
  steps: number;
  running: string[];
  /** Where the contract expects any: how many there are, and are settled. */
  returns?: { settled: number; expected: number };
}

export const pauseSignal = defineSignal<[PauseMessage]>('pause');
export const resumeSignal = defineSignal<[ResumeMessage]>('resume');
export const cancelSignal = defineSignal<[CancelMessage]>('cancel');
export const acceptUpdate = defineUpdate<{ epoch: number }, [AcceptMessage]>('accept');
export const rejectUpdate = defineUpdate<{ status: string }, [RejectMessage]>('reject');
export const completeUpdate = defineUpdate<{ status: string }, [CompleteMessage]>('complete');
export const submitReturnUpdate = defineUpdate<SubmitReturnAnswer, [SubmitReturnMessage]>('submitReturn');
export const extendExpiryUpdate = defineUpdate<{ expiresAt: string }, [ExtendExpiryMessage]>('extendExpiry');
export const retryStepUpdate = defineUpdate<{ incidentId: string }, [RetryStepMessage]>('retryStep');
export const skipStepUpdate = defineUpdate<{ incidentId: string }, [SkipStepMessage]>('skipStep');
export const resolveIncidentUpdate = defineUpdate<{ incidentId: string }, [ResolveIncidentMessage]>('resolveIncident');
export const rollbackUpdate = defineUpdate<{ incidentId: string }, [RollbackMessage]>('rollback');
export const statusQuery = defineQuery<HandoffSnapshot>('status');
export const progressQuery = defineQuery<HandoffProgress>('progress');

/** Goes on from the checkpoint package that a paused or failed pipeline waits with. */
export interface PipelineResumeMessage {
  by: string;
  /** Refused unless it is the present one. Absent: whichever that is. */
  packageId?: string;
  /** For entries that have changed since. Default `newest-wins`. */
  merge?: MergeStrategy;
  note?: string;
  /** Where the rest is to run. Default: where it runs now. */
  taskQueue?: string;
  /** Whose pause ends. Default `operator`. */
  holder?: Holder;
}
export interface PipelineResumeAnswer {
  /** `paused`: another holder still has it. `transferring`: it goes on at another task queue. */
  status: PipelineShown;
  packageId?: string;
  resumePoint: string;
  conflicts: RestoreConflict[];
}
/** Pauses a running pipeline and has the rest run elsewhere. */
export interface PipelineTransferMessage {
  by: string;
  /** The other process's task queue. */
  taskQueue: string;
  merge?: MergeStrategy;
}
export interface PipelineTransferAnswer {
  /** The package that the rest will go on from, once the present step has ended. */
  packageId: string;
}
/** Pauses of pipelines need no reason. */
export type PipelinePauseMessage = Omit<PauseMessage, 'reason'> & { reason?: string };

export const pipelinePauseSignal = defineSignal<[PipelinePauseMessage]>('pause');
export const pipelineCancelSignal = defineSignal<[CancelMessage]>('cancel');
export const pipelineResumeUpdate = defineUpdate<PipelineResumeAnswer, [PipelineResumeMessage]>('resume');
export const pipelineTransferUpdate = defineUpdate<PipelineTransferAnswer, [PipelineTransferMessage]>('transfer');
export const pipelineStatusQuery = defineQuery<PipelineSnapshot>('status');

export type { HandoffOutcome, HandoffState, PipelineSnapshot };
