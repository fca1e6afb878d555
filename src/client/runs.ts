import { randomUUID } from 'node:crypto';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import { HandoffError } from '../core/errors.js';
import { REPAIR, isClosed, type MessageName } from '../core/handoff.js';
import { HANDOFF_ID, printable, repairWorkflowIdOf, workflowIdOf } from '../core/ids.js';
import { faultOf } from '../core/message.js';
import { refuse } from '../core/refusal.js';
import {
  cancelSignal,
  pauseSignal,
  progressQuery,
  resumeSignal,
  statusQuery,
  type CancelMessage,
  type HandoffProgress,
  type HandoffSnapshot,
  type PauseMessage,
  type ResumeMessage,
} from '../messages.js';
import type { Storage } from '../storage/storage.js';
import { ask, hasWorker, isDeadline, isNotFound, withDeadline, type Caller } from './calls.js';
import { STATUS_KEY } from './visible.js';

/** What the server's clock may be behind ours. */
const CLOCK_SKEW_MS = 1000;

/** Statuses in which anybody may pause and cancel. */
const PLAINLY_OPEN: ReadonlySet<string> = new Set(['pending', 'running', 'awaiting_acceptance', 'accepted']);

const REPAIRS: ReadonlySet<MessageName> = new Set(REPAIR);

/** Work that failed at least once and is tried again by itself. */
export interface Retry {
  /** The action, as the Web UI calls it. */
  activity: string;
  /** The attempt that runs, or comes next. */
  attempt: number;
  /** Absent: without a limit. */
  maximumAttempts?: number;
  /** When the next attempt begins, milliseconds; absent while one runs. */
  nextAt?: number;
  /** What the last one said. */
  error: string;
}

/** A handoff as of now. `from: 'storage'`: no worker answered, so this is its last record. */
export interface RunStatus extends Partial<HandoffSnapshot> {
  handoffId: string;
  status: string;
  from: 'run' | 'storage';
  /** What is tried again at the moment. */
  retries?: Retry[];
}

export interface UpdateOptions {
  /** Sent again with the same id, an update takes effect once. */
  updateId?: string;
}

/** Questions and messages to the run of one handoff: each ends within its deadline and throws a HandoffError. */
export class Runs {
  constructor(
    private readonly caller: Caller,
    private readonly storage: Storage | undefined,
  ) {}

  /** What a handoff is doing now. Falls back to the stored record where no worker answers. Throws HANDOFF_NOT_FOUND. */
  async status(id: string): Promise<RunStatus> {
    const handoff = checkedId(id);
    try {
      return await withDeadline(
        this.caller,
        `The status of ${handoff}`,
        () => this.liveStatus(handoff),
        this.queryMs(),
      );
    } catch (error) {
      const stored = this.storage && (await storedStatus(this.storage, handoff));
      if (stored) return stored;
      throw await this.explained(error, handoff, randomUUID());
    }
  }

  /** Per cent done. Throws NO_WORKER where nobody can answer. */
  async progress(id: string): Promise<HandoffProgress> {
    const handoff = checkedId(id);
    try {
      return await withDeadline(this.caller, `The progress of ${handoff}`, () =>
        ask(() => this.handle(handoff).query(progressQuery)),
      );
    } catch (error) {
      throw await this.explained(error, handoff, randomUUID());
    }
  }

  /** What the run says; or, where it was ended in Temporal without an outcome, the run that repairs it. */
  private async liveStatus(handoff: string): Promise<RunStatus> {
    const handle = this.handle(handoff);
    const [snapshot, { status, raw }] = await Promise.all([ask(() => handle.query(statusQuery)), handle.describe()]);
    if (status.name === 'RUNNING' || isClosed(snapshot.state.status)) {
      const retries = retriesOf(raw.pendingActivities ?? []);
      const more = retries.length > 0 ? { retries } : {};
      return { handoffId: handoff, status: snapshot.state.status, from: 'run', ...snapshot, ...more };
    }
    try {
      const repair = await ask(() => this.repairHandle(handoff).query(statusQuery));
      return { handoffId: handoff, status: repair.state.status, from: 'run', ...repair };
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return { handoffId: handoff, from: 'run', ...snapshot, status: status.name.toLowerCase() };
    }
  }

  private repairHandle(handoff: string): ReturnType<Client['workflow']['getHandle']> {
    return this.caller.temporal.workflow.getHandle(repairWorkflowIdOf(handoff));
  }

  private handle(handoff: string): ReturnType<Client['workflow']['getHandle']> {
    return this.caller.temporal.workflow.getHandle(workflowIdOf(handoff));
  }

  /** A query that nobody answers leaves time, within the same deadline, to look elsewhere. */
  private queryMs(): number {
    return Math.min(this.caller.deadlineMs, Math.max(this.caller.deadlineMs / 2, 500));
  }

  /** Asks for the state first, because a signal that does not fit is swallowed without a word. */
  async signal(
    id: string,
    name: 'pause' | 'resume' | 'cancel',
    message: PauseMessage | ResumeMessage | CancelMessage,
  ): Promise<void> {
    const handoff = checkedId(id);
    checkMessage(name, message);
    if (name === 'resume' || !(await this.plainlyOpen(handoff))) await this.checkFits(handoff, name, message);
    await this.send(handoff, name, message);
  }

  /** Sends a signal without asking whether it fits; one that does not changes nothing. */
  async send(
    handoff: string,
    name: 'pause' | 'resume' | 'cancel',
    message: PauseMessage | ResumeMessage | CancelMessage,
  ): Promise<void> {
    const definition = { pause: pauseSignal, resume: resumeSignal, cancel: cancelSignal }[name];
    try {
      await withDeadline(this.caller, `The signal ${name}`, () =>
        this.handle(handoff).signal(definition as typeof cancelSignal, message as CancelMessage),
      );
    } catch (error) {
      throw await this.explained(error, handoff, randomUUID(), name);
    }
  }

  /** What the server itself knows of a run, which needs no worker. Throws HANDOFF_NOT_FOUND. */
  async look(handoff: string): Promise<{ running: boolean; shown: string | undefined }> {
    try {
      const described = await withDeadline(this.caller, 'The look', () => this.handle(handoff).describe());
      const shown = described.typedSearchAttributes.get(STATUS_KEY);
      return { running: described.status.name === 'RUNNING', shown };
    } catch (error) {
      throw await this.explained(error, handoff, randomUUID());
    }
  }

  /** What the run itself says, or the one that repairs it, within `ms`. Throws NO_WORKER, DEADLINE_EXCEEDED, HANDOFF_NOT_FOUND. */
  async ask(handoff: string, ms = this.queryMs()): Promise<HandoffSnapshot> {
    try {
      const what = `The status of ${handoff}`;
      const time = Math.min(ms, this.queryMs());
      const { status: _, state, ...more } = await withDeadline(this.caller, what, () => this.liveStatus(handoff), time);
      return { ...more, state } as HandoffSnapshot;
    } catch (error) {
      throw await this.explained(error, handoff, randomUUID());
    }
  }

  private async isRunning(handoff: string): Promise<boolean> {
    const look = withDeadline(this.caller, 'The look', () => this.handle(handoff).describe(), this.queryMs());
    return (await look.catch(() => undefined))?.status.name === 'RUNNING';
  }

  /**
   * Whether a pause or a cancellation fits without a doubt, by what the server itself knows: a query shortly before the
   * signal is what can make a history that does not replay (see `goRegular`).
   */
  private async plainlyOpen(handoff: string): Promise<boolean> {
    const look = withDeadline(this.caller, 'The look', () => this.handle(handoff).describe(), this.queryMs());
    const described = await look.catch(() => undefined);
    const shown = described?.typedSearchAttributes.get(STATUS_KEY);
    return described?.status.name === 'RUNNING' && shown !== undefined && PLAINLY_OPEN.has(shown);
  }

  private async checkFits(handoff: string, name: MessageName, message: object): Promise<void> {
    const { state, at, from } = await this.status(handoff).catch((error: unknown) => {
      // With the workers down and no storage, nobody knows the state; the signal is kept for when they are back.
      if (error instanceof HandoffError && error.code === 'NO_WORKER')
        return { state: undefined, at: undefined, from: undefined };
      throw error;
    });
    const refusal = state && refuse(handoff, state, { name, ...message }, at ?? Date.now());
    // The record of an end may be of a task that a message threw away; the server knows whether it has ended.
    if (refusal && from === 'storage' && isClosed(state.status) && (await this.isRunning(handoff))) return;
    if (refusal) throw new HandoffError(refusal.code, refusal.params);
  }

  async update<R, M extends object>(
    id: string,
    name: MessageName,
    definition: UpdateDefinition<R, [M]>,
    message: M,
    options: UpdateOptions = {},
  ): Promise<R> {
    const handoff = checkedId(id);
    checkMessage(name, message);
    const updateId = options.updateId ?? randomUUID();
    const send = (handle: ReturnType<Client['workflow']['getHandle']>): Promise<R> =>
      withDeadline(this.caller, `The update ${name}`, () =>
        handle.executeUpdate(definition, { args: [message], updateId }),
      );
    try {
      return await send(this.handle(handoff)).catch((error: unknown) => {
        // A run that was terminated is repaired by another.
        if (isNotFound(error) && REPAIRS.has(name)) return send(this.repairHandle(handoff));
        throw error;
      });
    } catch (error) {
      throw await this.explained(error, handoff, updateId, name);
    }
  }

  /** The error for a call that failed: no worker, no such handoff, or one that is closed already. */
  private async explained(error: unknown, handoff: string, updateId: string, message?: MessageName): Promise<unknown> {
    if (isDeadline(error)) {
      const waited = error instanceof HandoffError ? Number(error.params['seconds']) * 1000 : this.caller.deadlineMs;
      const answered = await this.workerAnswers(Date.now() - waited - CLOCK_SKEW_MS);
      const { namespace } = this.caller.temporal.options;
      const again = againText(message, updateId);
      if (!answered) {
        const params = { queue: this.caller.taskQueue, namespace, updateId, next: again };
        return new HandoffError('NO_WORKER', params, { cause: error });
      }
      if (!(error instanceof HandoffError)) return error;
      const next = message ? `It may still take effect. ${again}` : again;
      return new HandoffError('DEADLINE_EXCEEDED', { ...error.params, updateId, next }, { cause: error });
    }
    return isNotFound(error) ? this.closedError(handoff, message, error) : error;
  }

  /** The error for a message to a run that is not open. */
  async closedError(handoff: string, message?: MessageName, cause?: unknown): Promise<HandoffError> {
    const status = await this.closedStatus(handoff);
    if (!status) return new HandoffError('HANDOFF_NOT_FOUND', { handoff }, { cause });
    return new HandoffError('WRONG_STATE', { handoff, status, message: message ?? 'this', allowed: 'open' }, { cause });
  }

  private async closedStatus(handoff: string): Promise<string | undefined> {
    const stored = await this.storage?.handoffs.find(handoff);
    if (stored && isClosed(stored.status as never)) return stored.status;
    const described = await withDeadline(this.caller, 'The look', () => this.handle(handoff).describe()).catch(
      () => undefined,
    );
    return described?.status.name.toLowerCase();
  }

  /** Where even that cannot be found out, the error at hand says more. */
  private async workerAnswers(since: number): Promise<boolean> {
    try {
      return await hasWorker(this.caller, since);
    } catch {
      return true;
    }
  }
}

const SIGNALS: ReadonlySet<MessageName> = new Set(['pause', 'resume', 'cancel']);

/** What to do once whoever did not answer is there: only an update can be sent twice without a thought. */
function againText(message: MessageName | undefined, updateId: string): string {
  if (!message) return 'Then ask again.';
  return SIGNALS.has(message)
    ? 'Ask for the status before you send it again.'
    : `Send it again with update id ${updateId} (\`--update-id\`): under one id it takes effect once.`;
}

/** What the record says of a handoff; undefined where there is none. */
export async function storedStatus(storage: Storage, handoff: string): Promise<RunStatus | undefined> {
  const stored = await storage.handoffs.find(handoff);
  if (!stored) return undefined;
  const { subject, state, status, updatedAt } = stored;
  return { handoffId: handoff, status, from: 'storage', subject, at: updatedAt, ...(state ? { state } : {}) };
}

export function checkedId(id: unknown): string {
  if (typeof id === 'string' && HANDOFF_ID.test(id)) return id;
  throw new HandoffError('INVALID_ID', {
    what: 'Handoff',
    id: printable(String(id)),
    why: 'letters, digits, ".", "_" or "-", at most 128, first a letter or digit',
  });
}

export function checkMessage(name: MessageName, message: unknown): void {
  const why = faultOf(name, message);
  if (why) throw new HandoffError('INVALID_MESSAGE', { message: name, why });
}

type PendingActivities = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>;

function retriesOf(pending: PendingActivities): Retry[] {
  return pending.flatMap((a) => {
    const { attempt, maximumAttempts, lastFailure, nextAttemptScheduleTime: next } = a;
    if (!lastFailure?.message || !attempt || attempt < 2) return [];
    return {
      activity: a.activityType?.name ?? '',
      attempt,
      error: lastFailure.message,
      ...(maximumAttempts ? { maximumAttempts } : {}),
      ...(next?.seconds ? { nextAt: Number(next.seconds) * 1000 } : {}),
    };
  });
}
