import { invalid } from '../../core/errors.js';
import { checkedFilter } from '../../core/filter.js';
import type * as m from '../../messages.js';
import type { Bulk, BulkOptions, BulkPreview, BulkResult, BulkSummary, BulkTarget } from '../bulk.js';
import { checkMessage, checkedId } from '../runs.js';
import { errorOf, type Http } from './http.js';

/** What one answer tells of each handoff. */
interface Answered {
  results: (Omit<BulkResult, 'error'> & {
    error?: { code: string; detail: string; params?: Record<string, unknown> };
  })[];
}

/** At most so many handoffs in one request. */
const AT_ONCE = 200;

/** Bulk verbs over HTTP: who is meant is settled first, then a part of them at a time is sent, each about a second's. */
export class RemoteBulk implements Bulk {
  constructor(private readonly http: Http) {}

  async preview(target: BulkTarget, { all = false }: Pick<BulkOptions, 'all'> = {}): Promise<BulkPreview> {
    return this.http.send('POST', '/bulk/preview', { ...meant(target), all });
  }

  async pause(target: BulkTarget, message: m.PauseMessage, options: BulkOptions = {}): Promise<BulkSummary> {
    const whole = { at: new Date().toISOString(), ...message };
    checkMessage('pause', whole);
    return this.each('pause', target, whole, options);
  }

  async resume(target: BulkTarget, message: m.ResumeMessage, options: BulkOptions = {}): Promise<BulkSummary> {
    const whole = { at: new Date().toISOString(), ...message };
    checkMessage('resume', whole);
    return this.each('resume', target, whole, options);
  }

  async cancel(target: BulkTarget, message: m.CancelMessage, options: BulkOptions = {}): Promise<BulkSummary> {
    checkMessage('cancel', message);
    return this.each('cancel', target, message, options);
  }

  async retry(
    target: BulkTarget,
    message: Omit<m.RetryStepMessage, 'incidentId' | 'input'>,
    options: BulkOptions = {},
  ): Promise<BulkSummary> {
    checkMessage('retryStep', { ...message, incidentId: 'any' });
    return this.each('retry', target, message, options);
  }

  private async each(
    verb: string,
    target: BulkTarget,
    message: object,
    { all = false, rate = 50, concurrency = 20, onResult, signal }: BulkOptions,
  ): Promise<BulkSummary> {
    for (const [name, value] of Object.entries({ rate, concurrency }))
      if (!(Number.isFinite(value) && value > 0))
        throw invalid('INVALID_REQUEST', [{ path: `/${name}`, message: 'must be a number over 0' }]);
    const ids = await this.settled(target, all);
    const summary: BulkSummary = { matched: ids.length, done: 0, sent: 0, refused: 0, failed: 0, left: 0 };
    const size = Math.min(AT_ONCE, Math.max(1, Math.ceil(rate)));
    let begun = 0;
    for (; begun < ids.length;) {
      if (signal?.aborted) break;
      const handoffIds = ids.slice(begun, begun + size);
      begun += handoffIds.length;
      // A handoff that nobody answers for may take its time.
      const call = { deadlineMs: Infinity };
      const body = { handoffIds, message, rate, concurrency };
      const { results } = await this.http.send<Answered>('POST', `/bulk/${verb}`, body, call);
      for (const { error, ...rest } of results) {
        summary[rest.result]++;
        onResult?.(error ? { ...rest, error: errorOf(error) } : rest);
      }
    }
    return { ...summary, left: ids.length - begun };
  }

  private async settled(target: BulkTarget, all: boolean): Promise<readonly string[]> {
    if (isIds(target)) return [...new Set(target.map(checkedId))];
    return (await this.preview(target, { all })).handoffIds;
  }
}

const isIds = (target: BulkTarget): target is readonly string[] => Array.isArray(target);

const meant = (target: BulkTarget): object =>
  isIds(target) ? { handoffIds: target.map(checkedId) } : { filter: checkedFilter(target) };
