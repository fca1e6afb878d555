import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { dueAt } from '../../core/clock.js';
import {
  isClosed,
  runningSteps,
  shownStatus,
  type HandoffOutcome,
  type HandoffState,
  type Outcome,
} from '../../core/handoff.js';
import { DEFAULT_STEP_TIMEOUT_S } from '../../core/procedure.js';
import { reduce } from '../../core/reducer.js';
import type { Subject } from '../../core/request.js';
import { returnsMark } from '../../core/return-words.js';
import { SEARCH_KEYS } from '../../core/search-keys.js';
import { blockedBecause, currentStep, words } from '../../core/words.js';
import { record, recordQuickly } from './activities.js';
import { isOverruled, recordCompletion } from './completion.js';
import { reportOf } from './ending.js';
import type { Run } from './run.js';

const STATUS = defineSearchAttributeKey(SEARCH_KEYS.status, SearchAttributeType.KEYWORD);
const STEP = defineSearchAttributeKey(SEARCH_KEYS.step, SearchAttributeType.KEYWORD);
const BLOCKED = defineSearchAttributeKey(SEARCH_KEYS.reasonBlocked, SearchAttributeType.KEYWORD);
const EXPIRY = defineSearchAttributeKey(SEARCH_KEYS.expiry, SearchAttributeType.DATETIME);

/**
 * What others see of a run: current details and search attributes in the Web UI, and the projection in the database.
 * Follows the state, once per batch of events. An upsert or a projection is work, so it is made
 * only where something changed that a person would look for.
 */
export class View {
  /** What the client wrote at the start. */
  private shown: string;
  /** What registration wrote. Projections go one after the other, or an older one could overwrite a newer. */
  private projected: string;
  private projecting: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly run: Run) {
    // A run that continues or was reset does not know how far the one before it came with this.
    // What was recorded as completed with its registration was never shown.
    const { carried } = run.input;
    const follows = carried !== undefined || Object.keys(run.opened.epochs).length > 0 || run.completed !== undefined;
    // The run before it ended only once that was written.
    if (carried !== undefined) run.offerOnRecord = run.state.acceptance.epoch;
    run.record = () => this.project();
    this.shown = follows ? '' : this.sought();
    this.projected = follows ? '' : this.recorded();
    this.update();
  }

  /** Shows the present state. The main loop calls it when a round is over: a loop of its own would wake the sandbox again. */
  update(): void {
    this.show();
    void this.project();
  }

  /** Resolves once all that was to be recorded is. */
  settled(): Promise<void> {
    return this.projecting;
  }

  /** For an undo, during which no main loop runs. */
  async follow(): Promise<void> {
    while (!this.closed) {
      const seen = this.run.version;
      this.update();
      await this.run.changedSince(seen);
    }
  }

  /**
   * Records a handoff that ends, and then closes it. What is recorded as completed is completed: a message that comes
   * meanwhile comes too late. Undefined where it goes on after all: a reset run that the ledger is ahead of does those
   * steps again, and one that was sent something before it is on record looks what has become of it.
   */
  async close(outcome: Outcome): Promise<HandoffOutcome | undefined> {
    const closing = this.projecting.then(() => this.end(outcome));
    // What is asked for meanwhile waits for it.
    this.projecting = closing.then(
      () => undefined,
      () => undefined,
    );
    return closing;
  }

  private async end(outcome: Outcome): Promise<HandoffOutcome | undefined> {
    const { run } = this;
    if (run.completed) return this.shut(run.completed);
    if (outcome === 'completed' && isOverruled(run)) return undefined;
    const report = reportOf(run, outcome);
    const state = reduce(run.state, { type: 'closed', outcome, now: Date.now() });
    const { subject } = run.input;
    const task = { subject, state, outcome: report };
    const projected =
      outcome === 'completed' ? await recordCompletion(run, task) : await recordQuickly('projectHandoff', task);
    if (!projected) return undefined;
    const { overtaken, completed } = projected;
    if (overtaken) {
      for (const [step, epoch] of Object.entries(overtaken))
        run.dispatch({ type: 'step_parked', step, attempts: 0, epoch });
      return undefined;
    }
    if (completed) run.complete(completed);
    else if (outcome === 'completed') run.complete({ state, outcome: report });
    else run.dispatch({ type: 'closed', outcome });
    return this.shut(run.completed ?? report);
  }

  private shut(report: HandoffOutcome): HandoffOutcome {
    this.closed = true;
    this.show();
    return report;
  }

  /** A run that is merely about to begin is shown as running: most pass `pending` within milliseconds. */
  private essence(state: HandoffState): string {
    const { procedure } = this.run;
    const status = shownStatus(state);
    const begins = status === 'pending' && state.waitsFor === undefined;
    return JSON.stringify([begins ? 'running' : status, blockedBecause(state, procedure), state.acceptance.epoch]);
  }

  /**
   * What the record is written anew for. What an inbox asks for is in no search attribute: the status beneath what is
   * shown over it, and what is left of the time to accept; no more are a round of a return, and lateness.
   */
  private recorded(): string {
    const { state } = this.run;
    const { status, expiry, late } = state;
    const beneath = status === 'pending' ? 'running' : status;
    return `${this.essence(state)}${beneath}${JSON.stringify(expiry)}${returnsMark(state)}${late?.what ?? ''}`;
  }

  private show(): void {
    const { seen: state, input, procedure } = this.run;
    setCurrentDetails(words(input.subject, procedure, state));
    const now = this.sought();
    if (now === this.shown) return;
    this.shown = now;
    const expiry = this.expiry();
    upsertSearchAttributes([
      { key: STATUS, value: shownStatus(state) },
      { key: STEP, value: this.step() ?? null },
      { key: BLOCKED, value: blockedBecause(state, procedure) ?? null },
      { key: EXPIRY, value: expiry === undefined ? null : new Date(expiry) },
    ]);
  }

  /** What somebody may look for in a list of handoffs. */
  private sought(): string {
    return JSON.stringify([this.essence(this.run.seen), this.step(), this.expiry()]);
  }

  private expiry(): number | undefined {
    const { state } = this.run;
    return isClosed(state.status) ? undefined : dueAt(state.expiry);
  }

  /** Where it stands, if it stands long: a step that is over in a moment is not worth the server's work. */
  private step(): string | undefined {
    const { seen: state, procedure } = this.run;
    if (isClosed(state.status)) return undefined;
    if (blockedBecause(state, procedure) !== undefined) return currentStep(state);
    const long = procedure.steps.filter((s) => (s.timeout ?? 0) > DEFAULT_STEP_TIMEOUT_S).map((s) => s.step_id);
    return runningSteps(state).find((id) => long.includes(id));
  }

  private project(): Promise<void> {
    const now = this.recorded();
    if (now === this.projected) return this.projecting;
    this.projected = now;
    const { state, input } = this.run;
    this.projecting = this.projecting
      .then(() => this.write(input.subject, state))
      .catch((fault: unknown) => this.run.failWith(fault));
    return this.projecting;
  }

  private async write(subject: Subject, state: HandoffState): Promise<void> {
    const { run } = this;
    if (this.closed || run.completed) return;
    const { completed } = await record('projectHandoff', { subject, state });
    if (completed) run.complete(completed);
    else this.onRecord(state);
  }

  /** From now on an offer shows. */
  private onRecord({ acceptance }: HandoffState): void {
    const { run } = this;
    if (acceptance.epoch <= run.offerOnRecord) return;
    run.offerOnRecord = acceptance.epoch;
    run.wake();
  }
}
