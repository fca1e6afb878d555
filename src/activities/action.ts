import type { Client } from '@temporalio/client';
import type { Effect, EffectKind } from '../core/effect.js';
import type { UndoResult } from '../core/handoff.js';
import { workflowIdOf } from '../core/ids.js';
import type { Procedure } from '../core/procedure.js';
import type { PackageContent } from '../core/request.js';
import type { StepTask } from '../core/task.js';
import type { StepRef } from '../storage/steps.js';
import type { Storage } from '../storage/storage.js';
import type { Transformers } from '../contracts/transformers.js';
import type { Rule } from '../rules/rule.js';
import type { Phases } from './pipeline/phase.js';

/** What every activity works with. */
export interface Deps {
  storage: Storage;
  rules: ReadonlyMap<string, Rule>;
  actions: ReadonlyMap<string, Action>;
  transformers: Transformers;
  phases: Phases;
  /** Absent where activities run without a worker, as in a bench. */
  client?: Client;
}

/** What an action can do and look at. */
export interface ActionContext {
  task: StepTask;
  content: PackageContent;
  storage: Storage;
  /** Aborted when an interruptible step is asked to stop; its action then throws, as by `signal.throwIfAborted()`. */
  signal: AbortSignal;
  /** Has the next heartbeat show how far it is, as in the Web UI. */
  progress: (details: Record<string, unknown>) => void;
  /**
   * When an attempt that can go on later should return `{ goesOn: true, … }`, so that its time-out does not strike: it
   * is then called again, and the attempt does not count. Milliseconds.
   */
  stopBy: number;
  /**
   * Makes one effect at most once as far as the ledger sees. The intent, with the data that `undo` will need, is on
   * record before `act` runs; an effect that was applied before is not made again. `act` gets the effect's key to pass
   * on to whatever it calls: after a crash between the act and its record it is called again with the same key.
   */
  effect: (
    name: string,
    undoData: Record<string, unknown>,
    act: (key: string) => Promise<Record<string, unknown> | void>,
  ) => Promise<Record<string, unknown>>;
}

/** A step's work: `run` returns small facts, never content; with `goesOn: true` among them it is called again. A user's action with an effect has an `undo`, or is declared irreversible in the procedure. */
export interface Action {
  name: string;
  /** Whether `run` watches `signal` at least every 2 s, so that a pause can stop it midway. Default false. */
  interruptible?: boolean;
  run(context: ActionContext): Promise<Record<string, unknown> | void>;
  /**
   * Takes back one effect. It must be safe to call twice, and when the effect never happened. What it returns says what
   * became of the effect, where it was not simply undone.
   */
  undo?(effect: Effect, context: { storage: Storage; signal: AbortSignal }): Promise<UndoResult | void>;
}

export const refOf = (task: Pick<StepTask, 'subject' | 'step' | 'epoch'>): StepRef => ({
  handoff: task.subject.handoffId,
  session: task.subject.session,
  step: task.step,
  epoch: task.epoch,
});

/** Whether a handoff's run is still open, as Temporal knows it. Without a client: as the database says, which is asked first. */
export const stillOpen =
  (deps: Deps) =>
  async (handoff: string): Promise<boolean> => {
    if (!deps.client) return false;
    const description = await deps.client.workflow
      .getHandle(workflowIdOf(handoff))
      .describe()
      .catch(() => undefined);
    return description?.status.name === 'RUNNING';
  };

export const actionKind = (name: string): EffectKind => `action:${name}`;

/** A task with all of its step's parameters: those of a large procedure stay out of the run's history. */
export async function wholeTask(storage: Storage, task: StepTask): Promise<StepTask> {
  if (!task.definition) return task;
  const { steps } = await storage.blobs.getJson<Procedure>(task.definition);
  return { ...task, with: { ...steps.find((s) => s.step_id === task.step)?.with, ...task.with } };
}

const EMPTY: PackageContent = { artifacts: [], context: {}, metadata: {} };

/** By the subject that an activity was called with: so the steps of one call read it once, and no other call sees it. */
const contents = new WeakMap<StepTask['subject'], Promise<PackageContent>>();

/** What a handoff hands over, an object of its own for each caller: what rules have found is kept by it. */
export async function contentOf(storage: Storage, subject: StepTask['subject']): Promise<PackageContent> {
  if (!subject.package) return EMPTY;
  const known = contents.get(subject) ?? storage.blobs.getJson<PackageContent>(subject.package);
  contents.set(subject, known);
  return { ...(await known) };
}
