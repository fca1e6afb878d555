import { HandoffError } from '../core/errors.js';
import { checkedFilter, isNarrow, type HandoffFilter } from '../core/filter.js';
import type { CancelMessage, PauseMessage, ResumeMessage, RetryStepMessage } from '../messages.js';
import type { Storage } from '../storage/storage.js';
import type { BulkRun } from './bulk-run.js';
import type { Caller } from './calls.js';
import { matchingIds } from './list.js';
import { checkMessage, checkedId } from './runs.js';

/** Which handoffs: those that match a filter at this moment, or the ids that a preview gave. */
export type BulkTarget = HandoffFilter | readonly string[];

export interface BulkOptions {
  /** Needed with a filter that leaves nothing out: so many can be meant only on purpose. */
  all?: boolean;
  /** Handoffs a second. Default 50. */
  rate?: number;
  /** Handoffs at a time. Default 20. */
  concurrency?: number;
  /** Called with each result as it comes. */
  onResult?: (result: BulkResult) => void;
  /** Aborted: no more are begun, and the summary says how many were left out. */
  signal?: AbortSignal;
}

/**
 * What became of one handoff.
 * - `done`: the run was open, the message fitted the state that it had come to, and the server has it: it takes effect
 *   before anything that is sent later. Of a retry: every open incident is being tried again.
 * - `sent`: the server has it, but no worker could say whether it fits. It takes effect, if it does, once one is back.
 * - `refused`: it does not fit, and nothing was sent: `error` says why.
 * - `failed`: it is not known to have been sent: `error` says why. The same call can be made again.
 */
export interface BulkResult {
  handoffId: string;
  result: 'done' | 'sent' | 'refused' | 'failed';
  /** Of a retry: the incidents that are being tried again. */
  incidents?: string[];
  error?: HandoffError;
}

export interface BulkSummary {
  matched: number;
  done: number;
  sent: number;
  refused: number;
  failed: number;
  /** Not begun, because `signal` was aborted. */
  left: number;
}

export interface BulkPreview {
  count: number;
  handoffIds: string[];
}

/** The same message to many handoffs. A filter means open handoffs only; who is meant is settled before anything is sent. */
export class LocalBulk {
  constructor(
    private readonly caller: Caller,
    private readonly storage: Storage | undefined,
    private readonly run: BulkRun,
  ) {}

  /** Who a bulk verb would reach; sends nothing. Throws INVALID_REQUEST. */
  async preview(target: BulkTarget, { all = false }: Pick<BulkOptions, 'all'> = {}): Promise<BulkPreview> {
    const handoffIds = await this.settle(target, all);
    return { count: handoffIds.length, handoffIds };
  }

  /** Asks each to pause. */
  async pause(target: BulkTarget, message: PauseMessage, options: BulkOptions = {}): Promise<BulkSummary> {
    const whole = { at: new Date().toISOString(), ...message };
    checkMessage('pause', whole);
    return this.each(target, options, (id) => this.run.signal(id, 'pause', whole));
  }

  /** Lets each go on that is paused. */
  async resume(target: BulkTarget, message: ResumeMessage, options: BulkOptions = {}): Promise<BulkSummary> {
    const whole = { at: new Date().toISOString(), ...message };
    checkMessage('resume', whole);
    return this.each(target, options, (id) => this.run.signal(id, 'resume', whole));
  }

  /** Asks each to undo what it did and close as cancelled. */
  async cancel(target: BulkTarget, message: CancelMessage, options: BulkOptions = {}): Promise<BulkSummary> {
    checkMessage('cancel', message);
    return this.each(target, options, (id) => this.run.signal(id, 'cancel', message));
  }

  /** Tries every open incident of each again. */
  async retry(
    target: BulkTarget,
    message: Omit<RetryStepMessage, 'incidentId' | 'input'>,
    options: BulkOptions = {},
  ): Promise<BulkSummary> {
    checkMessage('retryStep', { ...message, incidentId: 'any' });
    return this.each(target, options, (id) => this.run.retry(id, message));
  }

  private async settle(target: BulkTarget, all: boolean): Promise<string[]> {
    if (isIds(target)) return [...new Set(target.map(checkedId))];
    const filter = checkedFilter({ ...target, open: true });
    if (!isNarrow(filter) && !all) {
      const issues = '/filter: it leaves nothing out; give `all: true` if every open handoff is meant';
      throw new HandoffError('INVALID_REQUEST', { issues });
    }
    return matchingIds(this.caller, this.storage, filter);
  }

  private async each(
    target: BulkTarget,
    { all = false, rate = 50, concurrency = 20, onResult, signal }: BulkOptions,
    send: (id: string) => Promise<BulkResult>,
  ): Promise<BulkSummary> {
    for (const [name, value] of Object.entries({ rate, concurrency })) {
      if (!(Number.isFinite(value) && value > 0))
        throw new HandoffError('INVALID_REQUEST', { issues: `/${name}: must be a number over 0` });
    }
    const ids = await this.settle(target, all);
    const summary: BulkSummary = { matched: ids.length, done: 0, sent: 0, refused: 0, failed: 0, left: 0 };
    await paced(ids, { rate, concurrency, signal }, async (id) => {
      const result = await send(id);
      summary[result.result]++;
      onResult?.(result);
    });
    const { matched, done, sent, refused, failed } = summary;
    return { ...summary, left: matched - done - sent - refused - failed };
  }
}

/** The same over Temporal and over HTTP. */
export type Bulk = Pick<LocalBulk, keyof LocalBulk>;

const isIds = (target: BulkTarget): target is readonly string[] => Array.isArray(target);

/** Begins one after the other, so many a second and at a time. */
async function paced(
  ids: readonly string[],
  { rate, concurrency, signal }: { rate: number; concurrency: number; signal: AbortSignal | undefined },
  work: (id: string) => Promise<void>,
): Promise<void> {
  const began = Date.now();
  const queue = [...ids.entries()].values();
  const lane = async (): Promise<void> => {
    for (const [i, id] of queue) {
      await until(began + (i * 1000) / rate, signal);
      if (signal?.aborted) return;
      await work(id);
    }
  };
  await Promise.all(Array.from({ length: Math.min(Math.ceil(concurrency), ids.length) }, lane));
}

/** Waits until a time, or until it is aborted. */
function until(time: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = time - Date.now();
  if (ms <= 0 || signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}
