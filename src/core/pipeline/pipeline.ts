import type { Countdown } from '../clock.js';
import type { Failure, Holder } from '../handoff.js';
import type { HandoffInput } from '../request.js';
import type { MergeStrategy, PipelineHandoffPackage, RestoreConflict } from '../package/package.js';

/** Where a step keeps what it may take, if it says so itself. */
export interface StepTerms {
  name: string;
  /** Seconds that one attempt may take. Default {@link DEFAULT_TIMEOUT_S}. */
  timeoutSeconds?: number;
  /** How often it is tried before its phase fails. Default {@link DEFAULT_ATTEMPTS}; a killed worker does not count. */
  maxAttempts?: number;
}

/** A phase as a run follows it, whatever the workers have meanwhile. */
export interface FrozenPhase {
  phase: string;
  steps: StepTerms[];
}

/** An attempt beats, so that a dead worker is found at once; only one that hangs is ended by this. */
export const DEFAULT_TIMEOUT_S = 3600;
export const DEFAULT_ATTEMPTS = 3;

/** What never changes about a pipeline, whichever run of it is at work; a package carries it too. */
export interface PipelineSubject {
  /** `pl-…`: one pipeline, through all its pauses, moves and runs. */
  pipelineId: string;
  session: string;
  cloneId: string;
  pipelineVersion: string;
}

/** How a pipeline was asked to run: the same for every run of it. */
export interface PipelineTerms {
  /** The input of each phase change that is a handoff of its own; ids and phases are set anew for each. */
  transition?: HandoffInput;
  /** How long a checkpoint package is good for, while no clock stands still. Absent: for ever. */
  packageExpiryMs?: number;
  /** Steps after which a run continues as a new one. Default 400. */
  stepsPerRun?: number;
}

/** What a run of a pipeline is started with. Made by the client; see `client/pipeline/start.ts`. */
export interface PipelineInput {
  subject: PipelineSubject;
  phases: FrozenPhase[];
  terms: PipelineTerms;
  /**
   * Goes on instead of starting, because a run took over from one that is gone: from this package, or, with the epoch
   * that follows the last one, from the records of the steps that are done. `asOf`: what time it is to the package's
   * expiry, where the run that waited with it kept its clock. Milliseconds; absent: the worker's own.
   */
  from?: { by: string; merge: MergeStrategy; packageId?: string; epoch?: number; asOf?: number };
  /** The state of the run before, where this one continues it. */
  carried?: PipelineState;
}

/** What somebody has set right meanwhile stays. */
export const DEFAULT_MERGE: MergeStrategy = 'newest-wins';

export type PipelineStatus = 'running' | 'paused' | 'failed' | 'transferring' | 'completed' | 'cancelled';
/**
 * What is shown: `draining` is a run that was asked to pause, whose step still ends; `lost` (in the database only) one
 * that somebody ended in Temporal.
 */
export type PipelineShown = PipelineStatus | 'draining' | 'cancelling' | 'lost';

export type PipelineMessageName = 'pause' | 'resume' | 'transfer' | 'cancel';

interface PipelineRow {
  /** What it can become. */
  next: readonly PipelineStatus[];
  accepts: readonly PipelineMessageName[];
}

/** What each status takes and leads to; the last two are ends. */
export const PIPELINE_LIFE: Record<PipelineStatus, PipelineRow> = {
  running: { next: ['paused', 'failed', 'completed', 'cancelled'], accepts: ['pause', 'transfer', 'cancel'] },
  paused: { next: ['running', 'transferring', 'cancelled'], accepts: ['resume', 'cancel'] },
  failed: { next: ['running', 'transferring', 'cancelled'], accepts: ['resume', 'cancel'] },
  transferring: { next: ['running', 'paused', 'cancelled'], accepts: ['cancel'] },
  completed: { next: [], accepts: [] },
  cancelled: { next: [], accepts: [] },
};

/** A pause that somebody asked for. Times in milliseconds. */
export interface PipelineHold {
  by: string;
  reason: string;
  at: number;
  /** When it ends by itself. */
  until?: number;
}

/** The package that an open pipeline waits with. */
export interface Checkpoint {
  packageId: string;
  status: 'paused' | 'error';
  /** `<phase>/<step>`: the step that comes next. */
  resumePoint: string;
  reason: string;
  at: number;
  /** What is left of its time; stands still while the pipeline waits. */
  expiry?: Countdown;
}

/** Indexes into the frozen phases. */
export interface Cursor {
  phase: number;
  step: number;
}

export interface StepFailure extends Failure {
  phase: string;
  step: string;
}

/** `lost`: attempts that a dying worker took, which do not count. */
export interface RunningStep {
  since: number;
  /** From 1. */
  attempt: number;
  lost?: number;
  /** When the next attempt begins; absent while one runs. */
  retryAt?: number;
}

/** Where a package says that its pipeline stands. */
export type ResumePlace = Pick<PipelineState, 'at' | 'entered' | 'transitions' | 'transition'>;

/** What a checkpoint package keeps of its pipeline, as `metadata.pipeline`: enough for another run to go on. */
export interface PackedPipeline extends ResumePlace {
  subject: PipelineSubject;
  phases: FrozenPhase[];
  terms: PipelineTerms;
  epoch: number;
}

/** All that a run of a pipeline knows; small, and the same after a replay. Times in milliseconds. */
export interface PipelineState {
  status: PipelineStatus;
  since: number;
  createdAt: number;
  lastEventAt: number;
  /** Raised by each resume; what an older one left running can write nothing any more. 0: not yet open. */
  epoch: number;
  /** The step that comes next, or runs. Its phase is past the last one once all is done. */
  at: Cursor;
  /** The last phase that it was handed into: below `at.phase` while a phase change is due. */
  entered: number;
  /** The step at work, or the one that waits for its next attempt. */
  running?: RunningStep;
  /** The handoff that a phase change waits for. */
  transition?: { handoffId: string; from: string; to: string };
  /** How many phase changes were begun as handoffs: part of their ids. */
  transitions: number;
  holds: Partial<Record<Holder, PipelineHold>>;
  /** Where the rest is to run. */
  moveTo?: { taskQueue: string; by: string; merge: MergeStrategy };
  checkpoint?: Checkpoint;
  /** The package could not be written; `failure` says why. */
  unwritten?: true;
  /** Why the last step or move failed; gone once it is resumed. */
  failure?: StepFailure;
  /** Entries that differed when a package was last received. */
  conflicts: RestoreConflict[];
  /** Moves between task queues, the latest last. */
  moves: { to: string; at: number; packageId: string }[];
  ending?: { by: string; reason: string };
  /** Steps that this run has done, of those that the chain of runs has. */
  stepsInRun: number;
}

export function initialPipeline(now: number): PipelineState {
  return {
    status: 'running',
    since: now,
    createdAt: now,
    lastEventAt: now,
    epoch: 0,
    at: { phase: 0, step: 0 },
    entered: 0,
    transitions: 0,
    holds: {},
    conflicts: [],
    moves: [],
    stepsInRun: 0,
  };
}

export const isOpenPipeline = (s: Pick<PipelineState, 'status'>): boolean => PIPELINE_LIFE[s.status].next.length > 0;
export const isHeld = (s: PipelineState): boolean => Object.keys(s.holds).length > 0;

export function shownPipeline(s: PipelineState): PipelineShown {
  if (!isOpenPipeline(s)) return s.status;
  if (s.ending) return 'cancelling';
  return s.status === 'running' && (isHeld(s) || s.moveTo) ? 'draining' : s.status;
}

export const atEnd = (s: PipelineState, phases: readonly FrozenPhase[]): boolean => s.at.phase >= phases.length;

/** The cursor after a step. */
export function stepAfter(at: Cursor, phases: readonly FrozenPhase[]): Cursor {
  const last = at.step + 1 >= (phases[at.phase]?.steps.length ?? 0);
  return last ? { phase: at.phase + 1, step: 0 } : { phase: at.phase, step: at.step + 1 };
}

/** The phase and step at a cursor; past the end, the last phase and no step. */
export function placeAt(at: Cursor, phases: readonly FrozenPhase[]): { phase: string; step?: string; total: number } {
  const phase = phases[Math.min(at.phase, phases.length - 1)];
  const step = phases[at.phase]?.steps[at.step]?.name;
  return { phase: phase?.phase ?? '', total: phase?.steps.length ?? 0, ...(step === undefined ? {} : { step }) };
}

/** `<phase>/<step>`: where it goes on. */
export const resumePointOf = (at: Cursor, phases: readonly FrozenPhase[]): string => {
  const { phase, step } = placeAt(at, phases);
  return step === undefined ? phase : `${phase}/${step}`;
};

/** Where a pipeline stands whose records say that these steps are done. */
export function placeAfter(done: readonly { phase: string; step: string }[], phases: readonly FrozenPhase[]): Cursor {
  const names = new Set(done.map((d) => `${d.phase}/${d.step}`));
  let at = { phase: 0, step: 0 };
  while (names.has(resumePointOf(at, phases))) at = stepAfter(at, phases);
  return at;
}

/** What a package keeps of its pipeline; undefined of one that no pipeline wrote. */
export const packedIn = ({ checkpoint }: Pick<PipelineHandoffPackage, 'checkpoint'>): PackedPipeline | undefined =>
  checkpoint['pipeline'] as PackedPipeline | undefined;

/** Steps of all phases, and how many are done. */
export function progressOfPipeline(
  at: Cursor,
  phases: readonly FrozenPhase[],
): { stepsDone: number; steps: number; percent: number } {
  const steps = phases.reduce((n, p) => n + p.steps.length, 0);
  const stepsDone = phases.slice(0, at.phase).reduce((n, p) => n + p.steps.length, 0) + at.step;
  return { stepsDone, steps, percent: steps === 0 ? 100 : Math.floor((stepsDone / steps) * 100) };
}
