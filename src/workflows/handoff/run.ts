import { CancellationScope, condition, sleep } from '@temporalio/workflow';
import { beforeOffer } from '../../core/acceptance.js';
import type { EffectFact } from '../../core/effect.js';
import { dependenciesOf, hasEffect, type Procedure, type Step } from '../../core/procedure.js';
import { LIFE, isPaused, isTakenBack, type HandoffOutcome, type HandoffState } from '../../core/handoff.js';
import type { ConflictChoice } from '../../messages.js';
import { reduce, type HandoffEvent } from '../../core/reducer.js';
import type { Completed, Opened, Ran } from '../../core/task.js';
import { goRegular } from './activities.js';
import type { HandoffInput } from '../../core/request.js';

/** An operator's decision on an incident, until whoever waits for it takes it up. */
export type Decision = { kind: 'retry' } | { kind: 'resolve'; choice?: ConflictChoice; value?: unknown };

/** An event without the time at which it is handled. */
type Undated = HandoffEvent extends infer E ? (E extends HandoffEvent ? Omit<E, 'now'> : never) : never;

/** Events that come as messages. */
const STEERING: ReadonlySet<string> = new Set(Object.values(LIFE).flatMap((row) => row.accepts));

/** What the parts of one run share: its state, which only `dispatch` changes, and what is in flight. */
export class Run {
  /** Grows with each event, so that the main loop knows that something happened. */
  version = 0;
  /** Steps at work; `stop` asks a step to end early, where it can. */
  readonly inFlight = new Map<string, { stop: () => void; stopped: boolean }>();
  /** Whether a part is being taken back at this moment. */
  takingBack = false;
  /** The submission that is being looked at; the end of the handoff cancels it. */
  receiving: CancellationScope | undefined;
  /** Resolves once all submissions before are done with. */
  lastReturn: Promise<unknown> = Promise.resolve();
  /** What is being said to children of this run, one after the other. */
  telling: Promise<void> | undefined;
  /** The last pause of which a package is being written, or is. */
  checkpointed: number | undefined;
  /** Writes the present state to the database, once there is a view that can. */
  record: (() => Promise<void>) | undefined;
  /** The last offer that the database has. */
  offerOnRecord = 0;
  /** Effects whose undo was cut short by the end of the handoff: what became of them is still to be said. */
  readonly cutShort: EffectFact[] = [];
  /** What it came to, once it is on record as completed. */
  completed: HandoffOutcome | undefined;
  readonly decisions = new Map<string, Decision>();
  /** What its registration found, and did. */
  opened: Opened = { epochs: {}, attempts: {}, ran: [] };
  /** Whether what it did last was local, and took so long that messages may have come meanwhile. */
  tookLong = false;
  /** Until the task that is there ends, where something waits for that. */
  private hearing: Promise<void> | undefined;
  /** How often the record of its completion came too late. */
  lateRecords = 0;
  /** Of the first steps what ran with the registration, until they start. */
  private readonly early = new Map<string, Ran>();
  private readonly waiting: (() => void)[] = [];
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

  /** What others see. An offer shows once the database has it, so that who sees it finds it in the target's inbox. */
  get seen(): HandoffState {
    const { status, acceptance } = this.state;
    return status === 'awaiting_acceptance' && acceptance.epoch > this.offerOnRecord
      ? beforeOffer(this.state)
      : this.state;
  }

  /**
   * Resolves once the database has what happened so far: whoever gets an answer then finds it there. The handler of an
   * update writes it itself, because the main loop may be waiting for the handlers. Shielded: Temporal's Cancel reaches
   * handlers too.
   */
  recorded(): Promise<void> {
    return CancellationScope.nonCancellable(async () => {
      // A run that continues is sent something before it has a view.
      if (!this.record) await condition(() => this.record !== undefined);
      await this.record!();
    });
  }

  /** `now`: when it happened, where that was earlier. */
  dispatch(event: Undated, now: number = Date.now()): void {
    if (STEERING.has(event.type)) goRegular();
    this.state = reduce(this.state, { ...event, now });
    this.wake();
  }

  /**
   * Resolves once something has happened since the version `seen`. The SDK's `condition` would do, but is asked anew
   * after every batch of an activation, which is a good part of what a short run costs. The order stays right: an
   * activation hands over its signals and updates before the timers that fired.
   */
  changedSince(seen: number): Promise<void> {
    return this.version === seen ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve();
  }

  /** Ends a task that is older than what was sent meanwhile: in the next one it has come. */
  hears(): Promise<void> {
    return (this.hearing ??= this.nextTask());
  }

  private async nextTask(): Promise<void> {
    await sleep(1, { summary: 'Hears what was sent meanwhile' });
    this.hearing = undefined;
    this.tookLong = false;
    if (isPaused(this.state)) this.forgetVerdicts();
  }

  /** Keeps what ran with the registration. A verdict says nothing about the time after a pause. */
  keepEarly(ran: readonly Ran[]): void {
    const acted = ran.findLastIndex((r) => r.facts && hasEffect(this.step(r.step)));
    for (const [i, one] of ran.entries()) if (i <= acted || !isPaused(this.state)) this.early.set(one.step, one);
  }

  /** Whether a step is over since the registration: it need not start. */
  isOverEarly(step: string): boolean {
    return this.early.get(step)?.facts !== undefined;
  }

  /** What was found of steps that have yet to run says nothing about the time after a pause. */
  private forgetVerdicts(): void {
    for (const [step, { facts }] of this.early) if (!facts) this.early.delete(step);
  }

  /** What ran early of a step, once; nothing of one that was reopened since. */
  takeEarly(step: string): Ran | undefined {
    const early = this.early.get(step);
    this.early.delete(step);
    return this.state.steps[step]?.epoch === 1 ? early : undefined;
  }

  /** A fault in a part beside the main loop: kept for it, so that the task fails and is retried once we are mended. */
  failWith(fault: unknown): void {
    // A failure of Temporal's would close the run instead, without an undo.
    this.fault = new Error(fault instanceof Error ? fault.message : String(fault), { cause: fault });
    this.wake();
  }

  /** Something happened that is no event, such as a fired timer. */
  wake(): void {
    this.version++;
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** It is on record as completed, and therefore is: whatever has come since came too late. */
  complete({ state, outcome }: Completed): void {
    this.completed = outcome;
    // Children that were told of a pause are still to be told that it is over.
    const { toldToPause } = this.state;
    this.state = toldToPause ? { ...state, toldToPause } : state;
    this.wake();
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
      .filter((id) => !this.inFlight.has(id) && !isTakenBack(this.state, id));
  }
}
