import { dueAt, isDue, remaining } from '../core/clock.js';
import { meantAgent } from '../core/near.js';
import { HandoffError, invalid } from '../core/errors.js';
import { isPaused, type Hold } from '../core/handoff.js';
import { AGENT_NAME, checkedName } from '../core/ids.js';
import type { PackageContent, Party, Priority, Subject } from '../core/request.js';
import type { Offer } from '../storage/handoffs.js';
import type { Storage } from '../storage/storage.js';

/** A handoff that waits for its target to accept. Times and spans in milliseconds. */
export interface InboxItem {
  handoffId: string;
  type: string;
  priority: Priority;
  source: Party;
  target: Party;
  session: string;
  procedure: string;
  /** The first line of the instructions, 200 characters at most; absent where there are none. */
  task?: string;
  /** When the handoff began: what orders items of one priority. */
  createdAt: number;
  /** When it was offered, this time. */
  offeredAt: number;
  /** Counts the offers; the answer of an `accept` has the same. */
  epoch: number;
  /** What is left of its time to be accepted. */
  remainingMs: number;
  /** When that is over; absent while the clock stands still. */
  expiresAt?: number;
  /** It can be accepted all the same; what follows waits. */
  paused?: Hold;
  /** An incident that is open beside the offer. */
  incident?: string;
}

export interface InboxOptions {
  /** Default 100. */
  limit?: number;
}

const LIMIT = 100;
const TASK_LENGTH = 200;

/**
 * What waits for an agent to accept: the most urgent first, then the oldest. One whose time is over is not among it,
 * even where its run has not said so yet. Throws INVALID_ID, INVALID_REQUEST, AGENT_UNKNOWN.
 */
export async function inboxOf(
  storage: Storage,
  agent: string,
  options: InboxOptions = {},
  now = Date.now(),
): Promise<InboxItem[]> {
  const limit = checkedInbox(agent, options);
  const open: Offer[] = [];
  let hasOffers = false;
  for (const offer of await storage.handoffs.offersTo(agent)) {
    hasOffers = true;
    if (!isDue(offer.state.expiry, now)) open.push(offer);
    if (open.length === limit) break;
  }
  if (!hasOffers) await checkKnown(storage, agent);
  return Promise.all(open.map(async (offer) => itemOf(offer, await taskOf(storage, offer.subject), now)));
}

/** How many are asked for. Throws INVALID_ID, INVALID_REQUEST. */
export function checkedInbox(agent: string, { limit = LIMIT }: InboxOptions): number {
  checkedName('Agent', agent, AGENT_NAME);
  if (Number.isInteger(limit) && limit >= 1) return limit;
  throw invalid('INVALID_REQUEST', [{ path: '/limit', message: 'must be a whole number from 1' }]);
}

/** Nobody is to look into an inbox that can have nothing, because of a slip of the pen. Throws AGENT_UNKNOWN. */
async function checkKnown({ agents }: Storage, agent: string): Promise<void> {
  if (await agents.find(agent)) return;
  throw new HandoffError('AGENT_UNKNOWN', { agent, where: 'its inbox', ...meantAgent(agent, await agents.list()) });
}

function itemOf({ subject, state, createdAt }: Offer, task: string | undefined, now: number): InboxItem {
  const { handoffId, type, priority, source, target, session, procedure } = subject;
  const { acceptance, expiry, holds, incidents } = state;
  const expiresAt = dueAt(expiry);
  return {
    handoffId,
    type,
    priority,
    source,
    target,
    session,
    procedure: procedure.id,
    ...(task === undefined ? {} : { task }),
    createdAt,
    offeredAt: acceptance.offeredAt ?? state.since,
    epoch: acceptance.epoch,
    remainingMs: remaining(expiry, now),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(isPaused(state) ? { paused: (holds.operator ?? holds.parent)! } : {}),
    ...(incidents[0] ? { incident: incidents[0].id } : {}),
  };
}

/** An inbox is of use without a task that cannot be read; what is missing, the handoff itself says. */
async function taskOf({ blobs }: Storage, { package: content }: Subject): Promise<string | undefined> {
  if (!content) return undefined;
  const whole = await blobs.getJson<PackageContent>(content).catch(() => undefined);
  return firstLine(whole?.instructions);
}

/** Of a text, or of a document that has its text as `task`. */
function firstLine(instructions: unknown): string | undefined {
  const text =
    typeof instructions === 'object' && instructions !== null && 'task' in instructions
      ? instructions.task
      : instructions;
  if (typeof text !== 'string') return undefined;
  const line = text.trim().split(/\r?\n/, 1)[0]!.trimEnd();
  if (line === '') return undefined;
  return line.length > TASK_LENGTH ? `${line.slice(0, TASK_LENGTH - 1)}…` : line;
}
