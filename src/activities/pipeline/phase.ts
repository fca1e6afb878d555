import { HandoffError } from '../../core/errors.js';
import { PHASE_NAME, checkedName, printable } from '../../core/ids.js';
import { PHASE_STEP_NAME } from '../../core/pipeline/ids.js';
import type { FrozenPhase, StepTerms } from '../../core/pipeline/pipeline.js';
import type { SharedContext } from '../../packages/shared-context.js';
import type { Storage } from '../../storage/storage.js';

/** What a step of a phase can do and look at. */
export interface PhaseStepContext {
  session: string;
  cloneId: string;
  pipelineId: string;
  phase: string;
  step: string;
  /** From 1. */
  stepNumber: number;
  totalSteps: number;
  /** From 1. A worker that was killed does not count. */
  attempt: number;
  /** Aborted when the pipeline is cancelled; the step then throws, as by `signal.throwIfAborted()`. A pause waits for the step. */
  signal: AbortSignal;
  /** The session's context: what it writes bears the step's name, and is refused once a resume has overtaken the attempt. */
  context: SharedContext;
  storage: Storage;
  /** Has the next heartbeat show how far it is, as in the Web UI. */
  progress: (details: Record<string, unknown>) => void;
  /**
   * Makes one effect at most once as far as the ledger sees, whatever attempts, kills, resumes and moves there are. An
   * effect that was applied before is not made again; what it returned is. `act` gets the effect's key to pass on to
   * whatever it calls: after a crash between the act and its record it is called again with the same key.
   */
  effect: (
    name: string,
    data: Record<string, unknown>,
    act: (key: string) => Promise<Record<string, unknown> | void>,
  ) => Promise<Record<string, unknown>>;
}

/** One step. What it returns is kept: small facts, never content, which belongs in the context. */
export interface PhaseStep extends StepTerms {
  run(context: PhaseStepContext): Promise<Record<string, unknown> | void>;
}

/** A phase of a pipeline: its steps, or one function, which is a phase of one step `run`. */
export type PhaseHandler =
  | { phase: string; steps: readonly PhaseStep[] }
  | ({ phase: string; run: PhaseStep['run'] } & Omit<StepTerms, 'name'>);

/** A phase of your own, typed. */
export const definePhase = (handler: PhaseHandler): PhaseHandler => handler;

/** The phases of a worker, by name. */
export type Phases = ReadonlyMap<string, readonly PhaseStep[]>;

/** Throws INVALID_ID, INVALID_REQUEST for phases that cannot be told apart or have no step. */
export function phasesOf(handlers: readonly PhaseHandler[] = []): Phases {
  const phases = new Map<string, readonly PhaseStep[]>();
  for (const handler of handlers) {
    const { phase } = handler;
    checkName('Phase', phase, PHASE_NAME, phases);
    const { phase: _name, ...rest } = handler;
    const steps = 'steps' in rest ? rest.steps : [{ name: 'run', ...rest }];
    if (steps.length === 0) throw new HandoffError('INVALID_REQUEST', { issues: `/phases/${phase}: it has no step` });
    const names = new Set<string>();
    for (const { name } of steps) {
      checkName('Step', name, PHASE_STEP_NAME, names);
      names.add(name);
    }
    phases.set(phase, steps);
  }
  return phases;
}

function checkName(what: string, name: string, pattern: RegExp, taken: { has(name: string): boolean }): void {
  if (!taken.has(checkedName(what, name, pattern))) return;
  throw new HandoffError('INVALID_ID', { what, id: printable(name), why: 'another one has that name' });
}

/** What clients may know of a worker's phases. */
export const termsOf = (phases: Phases): FrozenPhase[] =>
  [...phases].map(([phase, steps]) => ({
    phase,
    steps: steps.map(({ name, timeoutSeconds, maxAttempts }) => ({
      name,
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
    })),
  }));

export const unknownPhase = (phase: string, phases: Phases): HandoffError =>
  new HandoffError('PHASE_UNKNOWN', { phase, known: [...phases.keys()].join(', ') || 'none' });
