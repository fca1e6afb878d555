import { dueAt } from '../core/clock.js';
import { isPaused, type HandoffState } from '../core/handoff.js';
import type { Party, Priority, Subject } from '../core/request.js';
import { currentStep } from '../core/words.js';
import type { StoredHandoff } from '../storage/handoffs.js';

/**
 * A handoff in a list. Times in milliseconds. With storage it is the last record, which is written whenever `shown` or
 * `blocked` changes; without, it is what Temporal's visibility has, which lags a moment.
 */
export interface HandoffSummary {
  handoffId: string;
  /** The state beneath what is shown; without storage it is not known where something is shown over it, and the same. */
  status: string;
  /** `incident`, `paused` or `draining` where it is, else the status. What a filter's `status` means. */
  shown: string;
  /** Why it does not move, in a few words; absent where it does. */
  blocked?: string;
  /** The step where it does not move, if it is at one. */
  step?: string;
  /** Since when `shown` holds; only with storage. */
  since?: number;
  /** When it expires unless it is accepted before; absent while its clock stands still. */
  expiresAt?: number;
  /** That an expected end has passed; only with storage. */
  late?: HandoffState['late'];
  procedure: string;
  session?: string;
  priority?: Priority;
  source?: Party;
  target?: Party;
  createdAt: number;
  closedAt?: number;
  /** Only with storage. */
  subject?: Subject;
}

/** What a list says of a record. */
export function summaryOf(stored: StoredHandoff): HandoffSummary {
  const { subject, status, shown, blocked, state, createdAt, closedAt } = stored;
  const { handoffId, session, priority, source, target, procedure } = subject;
  const open = closedAt === undefined;
  const step = state && blocked !== undefined ? currentStep(state) : undefined;
  const expiresAt = state && open ? dueAt(state.expiry) : undefined;
  return {
    handoffId,
    status,
    shown,
    ...(blocked === undefined ? {} : { blocked }),
    ...(step === undefined ? {} : { step }),
    since: state ? shownSince(state) : createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(state?.late ? { late: state.late } : {}),
    procedure: procedure.id,
    session,
    priority,
    source,
    target,
    createdAt,
    ...(closedAt === undefined ? {} : { closedAt }),
    subject,
  };
}

/** Since when it is as it is shown. */
const shownSince = (s: HandoffState): number =>
  s.incidents[0]?.at ?? (isPaused(s) && s.pausedSince !== undefined ? s.pausedSince : s.since);
