import type { Effect, EffectFact } from './effect.js';
import type { HandoffOutcome, HandoffState, UndoResult } from './handoff.js';
import type { PauseCheckpoint } from './package/pause-checkpoint.js';
import type { Procedure, Severity } from './procedure.js';
import type { ContractFault } from './contract.js';
import type { ArtifactSpec, ContentRef, Subject } from './request.js';
import type { ReturnFact } from './return-state.js';
import type { Verdict } from './rule.js';

/** What an activity gets to know of the step that it works for. */
export interface StepTask {
  subject: Subject;
  step: string;
  action: string;
  epoch: number;
  rules: string[];
  /** The action's parameters, an operator's amendments laid over them; with `definition` the amendments only. */
  with: Record<string, unknown>;
  /** Where the procedure travels by reference: the step's parameters stand there. */
  definition?: ContentRef;
  stopAt: Severity;
  /** Severities that the procedure sets for itself. */
  severities: Record<string, Severity>;
  irreversible: boolean;
}

export interface OpenTask {
  subject: Subject;
  /** The first run of this handoff's chain, which stays the same when it continues as new. */
  run: string;
  status: 'pending' | 'running';
  definition?: ContentRef;
  /** What the worker must have. */
  actions?: string[];
  rules?: string[];
  /** Actions of steps that are to be undone. */
  reversible?: string[];
  /** Its first steps, where they are quick: run once it is registered, so that all of it is one local activity. */
  quick?: QuickTask[];
  /** Where these are all of its steps, and it completes with the last: what it is before the first. */
  closes?: HandoffState;
  /** When it was called, as the run's clock says. Milliseconds. */
  now: number;
}

/** A step that runs with the registration. */
export type QuickTask = Omit<StepTask, 'subject'>;

/** What became of it. Times are of the run's clock, milliseconds. */
export interface Ran {
  step: string;
  startedAt: number;
  finishedAt: number;
  /** Of its rules. */
  verdict?: Verdict;
  /** What its action returned; absent where it has yet to run. */
  facts?: Record<string, unknown>;
}

export interface Opened {
  /** Epochs of steps that an earlier, reset run has begun. */
  epochs: Record<string, number>;
  /** Where the definition came by reference. */
  definition?: Procedure;
  /** Of `quick`, as far as it came. */
  ran: Ran[];
  /** When it was recorded as completed, with the last of them. */
  closedAt?: number;
  /** It took so long that the run is to hear what came meanwhile before it starts a step or completes. */
  late?: true;
  /** Where this very run had recorded it as completed, in a task that was thrown away since. */
  completed?: Completed;
  /** Attempts that steps have used up which have yet to finish: of one that failed locally, or whose worker was killed. */
  attempts: Record<string, number>;
}

/** What was recorded as completed: it stays so, whatever comes later. */
export interface Completed {
  state: HandoffState;
  outcome: HandoffOutcome;
}

/** What an operator decided about one effect whose undo failed. */
export interface UndoChoice {
  choice: 'keep_theirs' | 'restore_before' | 'merge' | 'by_hand';
  value?: unknown;
}

/** Effects to undo, in this order. */
export interface UndoTask {
  subject: Subject;
  keys: string[];
  choices: Record<string, UndoChoice>;
}

/** What an agent returns. */
export interface ReturnTask {
  subject: Subject;
  /** Of all that is returned: it grows when some of it is taken back. */
  epoch: number;
  by: string;
  artifacts: readonly ArtifactSpec[];
}

export interface ReturnReceipt {
  /** With any, nothing was taken. */
  faults: ContractFault[];
  received: ReturnFact[];
  /** An attempt before had begun to take what now has faults: it is to be undone. */
  left?: true;
}

export interface BeginUndoTask {
  handoff: string;
  /** Steps to shut against late attempts. */
  steps: readonly string[];
  /** Only effects older than this one; the steps are shut by the call without it. */
  before?: number;
  /** Only effects of `steps`, and no other step is shut: the epoch that each of them goes to. */
  epochs?: Record<string, number>;
}

export interface ProjectTask {
  subject: Subject;
  state: HandoffState;
  outcome?: HandoffOutcome;
  /** Of a completion: how long after its call it may still be written. Milliseconds. */
  within?: number;
}

export interface Projected {
  /** The steps that the ledger is ahead in, and their epochs: nothing was written. */
  overtaken?: Record<string, number>;
  completed?: Completed;
  /** A completion was not written: the run is to hear what came meanwhile first. */
  late?: true;
}

export const factOf = (e: Effect): EffectFact => ({
  seq: e.seq,
  key: e.key,
  step: e.step,
  resource: e.resource,
  kind: e.kind,
  irreversible: e.irreversible,
});

/** A child of a trigger step that runs, to be recorded. */
export interface ChildTask extends Pick<StepTask, 'subject' | 'step' | 'epoch'> {
  workflowId: string;
  /** Absent where one of that id was there already: whose it is, the server says. */
  runId?: string;
}

/** What one reconciliation found. */
export interface Reconciled {
  /** Handoffs that are open in the database. */
  open: number;
  /** Handoffs for which a repair run stands now. */
  repairs: string[];
  /** Handoffs whose run closed before they did anything: recorded as failed. */
  closed: string[];
  /** Handoffs of which something was kept that nobody needed any more. */
  collected: number;
}

/** The input of a repair run. */
export interface RepairInput {
  subject: Subject;
  reason: string;
}

/**
 * The activities that the engine itself calls, as workflow code sees them. Actions of steps are called by name, each
 * taking a {@link StepTask} and returning small facts.
 */
export interface EngineActivities {
  openHandoff(task: OpenTask): Promise<Opened>;
  /** `late`: as in {@link Opened}. */
  validate(task: StepTask): Promise<Verdict & { late?: true }>;
  /**
   * Where a completed one finds the ledger ahead of it, nothing is recorded: `overtaken` has those steps' epochs. Nor is
   * anything where this very run has recorded it as completed before: `completed` is what stands there.
   */
  projectHandoff(task: ProjectTask): Promise<Projected>;
  /** What a pending handoff still waits for, in words; empty: it can start. */
  checkPending(task: { subject: Subject; dependencies: string[]; agents: string[] }): Promise<{ waitsFor?: string }>;
  stepAttempts(task: { handoff: string; step: string }): Promise<{ epoch: number; attempts: number }>;
  /** Checks what came back by its contract, and puts it in the source's folder: all of it, or none. */
  receiveReturn(task: ReturnTask): Promise<ReturnReceipt>;
  /** Records that the child of a trigger step runs; its run id. Throws TRIGGER_REFUSED where it is somebody else's. */
  childStarted(task: ChildTask): Promise<{ runId: string }>;
  /** Writes the package of a pause. */
  checkpointHandoff(task: PauseCheckpoint): Promise<{ packageId: string }>;
  /** Nothing is to be undone where this very run has recorded the handoff as completed. */
  beginUndo(task: BeginUndoTask): Promise<EffectFact[]>;
  undo(task: UndoTask): Promise<UndoResult[]>;
  /** Finds handoffs whose run closed without an outcome, and opens a repair run for each. */
  reconcile(): Promise<Reconciled>;
  /** Asks Temporal to cancel the run that calls it. */
  requestCancel(): Promise<void>;
}
