import { HandoffError } from '../core/errors.js';
import { statusesThatAccept } from '../core/handoff.js';
import { refuse } from '../core/refusal.js';
import { retryStepUpdate, type CancelMessage, type PauseMessage, type ResumeMessage } from '../messages.js';
import type { Storage } from '../storage/storage.js';
import type { BulkResult } from './bulk.js';
import type { Runs } from './runs.js';

/** While it is shown so, anybody may pause and cancel. */
const STEERABLE: ReadonlySet<string> = new Set([
  'pending',
  'running',
  'awaiting_acceptance',
  'accepted',
  'paused',
  'draining',
]);
/** How long one answer is waited for: of many handoffs, each may have to. Milliseconds. */
const PATIENCE_MS = 3000;
/** After a question that nobody answered none is asked for so long: a killed worker is not back a moment later. */
const SILENCE_MS = 5000;

/** One handoff's part of a bulk verb. Never throws: what went wrong is the result. */
export class BulkRun {
  private silentUntil = 0;
  private silence: HandoffError | undefined;

  constructor(
    private readonly runs: Runs,
    private readonly storage: Storage | undefined,
  ) {}

  signal(
    id: string,
    name: 'pause' | 'resume' | 'cancel',
    message: PauseMessage | ResumeMessage | CancelMessage,
  ): Promise<BulkResult> {
    return settled(id, async () => {
      const fits = await this.fits(id, name, message);
      await this.runs.send(id, name, message);
      return { handoffId: id, result: fits ? 'done' : 'sent' };
    });
  }

  retry(id: string, message: { by: string; reason: string }): Promise<BulkResult> {
    const incidents: string[] = [];
    const result = settled(id, async () => {
      if (this.silence && Date.now() < this.silentUntil) throw this.silence;
      const { state, at } = await this.heard(this.runs.ask(id));
      const refusal = refuse(id, state, { name: 'retryStep', incidentId: state.incidents[0]?.id ?? 'any' }, at);
      if (refusal) throw new HandoffError(refusal.code, refusal.params);
      for (const { id: incidentId } of state.incidents) {
        await this.heard(this.runs.update(id, 'retryStep', retryStepUpdate, { ...message, incidentId }));
        incidents.push(incidentId);
      }
      return { handoffId: id, result: 'done' };
    });
    return result.then((r) => (incidents.length > 0 ? { ...r, incidents } : r));
  }

  /**
   * Whether a signal fits: true without a doubt, false where nobody can say. What the server or the last record says
   * decides where it can, so that workers that are down hold up nothing. Throws the refusal where it does not fit.
   */
  private async fits(
    id: string,
    name: 'pause' | 'resume' | 'cancel',
    message: PauseMessage | ResumeMessage | CancelMessage,
  ): Promise<boolean> {
    const { running, shown } = await this.runs.look(id);
    if (!running) throw await this.runs.closedError(id, name);
    if (name !== 'resume' && shown !== undefined && STEERABLE.has(shown)) return true;
    const stored = (await this.storage?.handoffs.find(id))?.state;
    // From an undo there is no way back, so that even an old record is right about it.
    if (shown === 'compensating' || stored?.ending) {
      const allowed = statusesThatAccept(name).join(', ');
      throw new HandoffError('WRONG_STATE', { handoff: id, status: 'compensating', message: name, allowed });
    }
    const holder = (message as ResumeMessage).holder ?? 'operator';
    // If it was resumed since, it goes on all the same.
    if (name === 'resume' && stored?.holds[holder]) return true;
    if (Date.now() < this.silentUntil) return false;
    const answer = await this.heard(this.runs.ask(id, PATIENCE_MS)).catch((error: unknown) => {
      if (isSilence(error)) return undefined;
      throw error;
    });
    const refusal = answer && refuse(id, answer.state, { name, ...message }, answer.at);
    if (refusal) throw new HandoffError(refusal.code, refusal.params);
    return answer !== undefined;
  }

  /** Remembers that nobody answered. */
  private async heard<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (isSilence(error)) {
        this.silence = error;
        this.silentUntil = Date.now() + SILENCE_MS;
      }
      throw error;
    }
  }
}

const isSilence = (error: unknown): error is HandoffError =>
  error instanceof HandoffError && (error.code === 'NO_WORKER' || error.code === 'DEADLINE_EXCEEDED');

async function settled(handoffId: string, work: () => Promise<BulkResult>): Promise<BulkResult> {
  try {
    return await work();
  } catch (cause) {
    const error =
      cause instanceof HandoffError
        ? cause
        : new HandoffError('INTERNAL', { why: (cause as Error).message }, { cause });
    return { handoffId, result: error.http < 500 ? 'refused' : 'failed', error };
  }
}
