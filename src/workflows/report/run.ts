import { CancellationScope, condition } from '@temporalio/workflow';
import { changeOf } from '../../core/report/change.js';
import { initialReport, reduceReport, type ReportEvent } from '../../core/report/reducer.js';
import type { Actor, ReportState } from '../../core/report/report.js';
import { nextDue } from '../../core/report/due.js';
import type { ReportInput } from '../../messages/report.js';
import { recordReport } from './activities.js';

type Undated = ReportEvent extends infer E ? (E extends ReportEvent ? Omit<E, 'now'> : never) : never;

/** Keys of acts that are still known: one that is sent again is seldom sent much later. */
const KEYS_KEPT = 200;

/** What the parts of one run share: its state, which only `dispatch` changes, and what is being put on record. */
export class ReportRun {
  state: ReportState;
  /** Somebody has cancelled it in Temporal. */
  cancelled = false;
  /** Of this run, before the next one takes over. */
  changes = 0;
  /** Told of each change. */
  changed: () => void = () => {};
  readonly keys: string[];
  private version = 0;
  /** One after the other: the record is in the order in which things happened. */
  private recording: Promise<void> = Promise.resolve();
  private unrecorded = 0;

  constructor(readonly input: ReportInput) {
    this.keys = [...(input.keys ?? [])];
    this.state = input.carried ?? initialReport(input, Date.now());
    if (!input.carried) this.record({ act: 'report.create', by: input.author });
  }

  /** Changes the state and has that put on record; an event that changes nothing leaves no trace. */
  dispatch(event: Undated, actor?: Actor): void {
    const dated = { ...event, now: Date.now() };
    const before = this.state;
    this.state = reduceReport(before, dated);
    if (this.state === before) return;
    this.changes++;
    this.record({ ...changeOf(dated, this.state), ...(actor?.from ? { from: actor.from } : {}) });
    this.version++;
    this.changed();
  }

  /** Resolves once all that has happened so far is on record. */
  recorded(): Promise<void> {
    return this.recording;
  }

  get isRecorded(): boolean {
    return this.unrecorded === 0;
  }

  /** Something happened that is no change. */
  wake(): void {
    this.version++;
  }

  remember(key: string): void {
    this.keys.push(key);
    if (this.keys.length > KEYS_KEPT) this.keys.shift();
  }

  /** Has the time do what is due by now. */
  settle(): void {
    const due = nextDue(this.state);
    if (due !== undefined && due <= Date.now()) this.dispatch({ type: 'ticked' });
  }

  /** Resolves once something happens, or something is due. A message that was there first is handled first. */
  async change(): Promise<void> {
    const seen = this.version;
    const changed = (): boolean => this.version !== seen;
    const until = nextDue(this.state);
    if (until === undefined) return condition(changed);
    const summary = this.state.status === 'under_review' ? 'The review is late' : 'A sign-off expires';
    if (until > Date.now()) await condition(changed, Math.min(until - Date.now(), MAX_TIMER_MS), { summary });
  }

  private record(change: Parameters<typeof put>[1]): void {
    const { state } = this;
    this.unrecorded++;
    this.recording = this.recording.then(() => put(state, change)).finally(() => void this.unrecorded--);
  }
}

const put = (state: ReportState, change: { act: string; by: string; note?: string; from?: string }): Promise<void> =>
  CancellationScope.nonCancellable(() => recordReport({ state, change }));

/** Upper bound of one timer; a later time is reached by several. */
const MAX_TIMER_MS = 30 * 24 * 60 * 60 * 1000;
