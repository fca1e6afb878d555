import type { Outcome } from '../handoff.js';
import type { MergeStrategy, RestoreConflict } from '../package/package.js';
import type {
  Checkpoint,
  FrozenPhase,
  PackedPipeline,
  PipelineState,
  PipelineSubject,
  PipelineTerms,
  ResumePlace,
} from './pipeline.js';

/** Whose work it is: what an older epoch of a pipeline asks for is refused. */
export interface PipelineRef {
  subject: PipelineSubject;
  epoch: number;
}

export interface OpenPipelineTask {
  subject: PipelineSubject;
  phases: FrozenPhase[];
  terms: PipelineTerms;
  /** The first run of this chain, which stays the same when it continues as new. */
  run: string;
  taskQueue: string;
}

export interface PhaseStepTask extends PipelineRef {
  phase: string;
  step: string;
  /** From 1. */
  number: number;
  totalSteps: number;
  /** From 1; an attempt that a killed worker took away does not count. */
  attempt: number;
}

export interface CheckpointTask extends PipelineRef {
  packageId: string;
  status: 'paused' | 'error';
  /** In words, of the package's metadata. */
  reason: string;
  by: string;
  phase: string;
  /** Steps of the phase that are done, and how many it has. */
  step: number;
  totalSteps: number;
  resumePoint: string;
  packed: PackedPipeline;
  /** Milliseconds, as the run has them; the package is dated by it. */
  now: number;
  error?: { code: string; message: string };
}

export interface ReceiveTask {
  subject: PipelineSubject;
  /** What it goes on with. */
  packageId?: string;
  /** Without a package: goes on after the last step that is on record. */
  fromRecords?: boolean;
  terms: PipelineTerms;
  /** Of the resumed pipeline. */
  epoch: number;
  run: string;
  taskQueue: string;
  phases: FrozenPhase[];
  merge: MergeStrategy;
  by: string;
  /** What time it is to the package's expiry: a clock that stood still is behind. Absent: the worker's own. */
  asOf?: number;
}

/** What a resumed run learns from its package. */
export interface Received {
  epoch: number;
  conflicts: RestoreConflict[];
  place?: ResumePlace;
}

export interface ProjectPipelineTask {
  ref: PipelineRef;
  state: PipelineState;
  taskQueue: string;
}

/** What the pipeline's runs ask of their workers. */
export interface PipelineActivities {
  openPipeline: (task: OpenPipelineTask) => Promise<{ epoch: number }>;
  runPhaseStep: (task: PhaseStepTask) => Promise<Record<string, unknown>>;
  checkpointPipeline: (task: CheckpointTask) => Promise<Checkpoint>;
  receivePackage: (task: ReceiveTask) => Promise<Received>;
  projectPipeline: (task: ProjectPipelineTask) => Promise<void>;
  /** What became of a phase change that another run began; undefined while it is open. */
  transitionOutcome: (task: { handoffId: string }) => Promise<{ outcome?: Outcome; reason?: string }>;
}

/** What a pipeline returns. */
export interface PipelineResult {
  pipelineId: string;
  session: string;
  status: 'completed' | 'cancelled';
  phases: string[];
  steps: number;
  /** Who cancelled it and why. */
  by?: string;
  reason?: string;
  /** ISO 8601. */
  at: string;
}
