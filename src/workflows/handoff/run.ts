import { log } from '@temporalio/workflow';
import { dependenciesOf, type Procedure, type Step } from '../../core/procedure.js';
import type { HandoffState } from '../../core/handoff.js';
import type { ConflictChoice } from '../../messages.js';
import { reduce, type HandoffEvent } from '../../core/reducer.js';
import type { HandoffInput } from '../../core/request.js';

/** An operator's decision on an incident, until whoever waits for it takes it up. */
export type Decision = { kind: 'retry' } | { kind: 'resolve'; choice?: ConflictChoice; value?: unknown };

/** An event without the time at which it is handled. */
type Undated = HandoffEvent extends infer E ? (E extends HandoffEvent ? Omit<E, 'now'> : never) : never;

/** What the parts of one run share: its state, which only `dispatch` changes, and what is in flight. */
export class Run {
  /** Grows with each event, so that the main loop knows that something happened. */
  version = 0;
  /** Steps at work; `stop` asks a step to end early, where it can. */
  readonly inFlight = new Map<string, { stop: () => void; stopped: boolean }>();
  readonly decisions = new Map<string, Decision>();
  /** Epochs of steps that the ledger is ahead in, because this run was reset. */
  epochs: Record<string, number> = {};
  /** A fault of ours in a part that runs beside the main loop; the main loop throws it. */
  fault: Error | undefined;

  constructor(
    readonly input: HandoffInput,
    public procedure: Procedure,
    public state: HandoffState,
  ) {}

  get id(): string {
    return this.input.subject.handoffId;
  }

  dispatch(event: Undated): void {
    this.state = reduce(this.state, { ...event, now: Date.now() });
    this.version++;
    log.debug(event.type, { status: this.state.status });
  }

  /** A fault in a part beside the main loop: kept for it, so that the task fails and is retried once we are mended. */
  failWith(fault: unknown): void {
    this.fault = fault instanceof Error ? fault : new Error(String(fault));
    this.version++;
  }

  /** Something happened that is no event, such as a fired timer. */
  wake(): void {
    this.version++;
  }

  step(id: string): Step {
    return this.procedure.steps.find((s) => s.step_id === id)!;
  }

  /** Steps that wait and whose dependencies are done, in the procedure's order. */
  readySteps(): string[] {
    const { steps } = this.state;
    const done = (id: string): boolean => steps[id]?.status === 'finished' || steps[id]?.status === 'skipped';
    return this.procedure.steps
      .filter((s, i) => steps[s.step_id]?.status === 'waiting' && dependenciesOf(this.procedure.steps, i).every(done))
      .map((s) => s.step_id)
      .filter((id) => !this.inFlight.has(id));
  }
}
