import { setTimeout as sleep } from 'node:timers/promises';
import type { HandoffClient } from '../../client.js';
import type { RunStatus } from '../../client/runs.js';
import { isClosed, type HandoffState } from '../../core/handoff.js';
import type { IterationOutcome } from '../../core/reliability/report.js';
import type { ReadyRequest } from './subject.js';

const POLL_MS = 150;
const BY = 'chaos';

export interface Played {
  outcome: IterationOutcome | 'there';
  state?: HandoffState | undefined;
}

/**
 * Plays the people that a handoff needs, until it has ended, or `isThere`: the target accepts and completes, an operator
 * resumes, and repairs what the test itself has broken. `stuck` after `ms`, `incident` where one stays open. A call that
 * fails, as while the server is away, is made again.
 */
export async function play(
  client: HandoffClient,
  request: ReadyRequest,
  { ms, isThere = () => false, isOver = () => false, ...how }: PlayOptions,
): Promise<Played> {
  let state: HandoffState | undefined;
  let heldSince = 0;
  for (const end = Date.now() + ms; Date.now() < end; await sleep(POLL_MS)) {
    const status = await client.status(request.handoffId).catch(() => undefined);
    if (isOver()) return { outcome: 'there', state };
    if (!status?.state) continue;
    state = status.state;
    // A record of an end is the last thing that a run writes.
    if (isClosed(state.status)) return { outcome: state.status as IterationOutcome, state };
    if (isThere({ ...status, state })) return { outcome: 'there', state };
    if (state.incidents.length === 0) heldSince = 0;
    else if (!how.repairs && Date.now() - (heldSince ||= Date.now()) > HELD_MS) return { outcome: 'incident', state };
    if (!how.looksOnly) await act(client, request, state, how).catch(() => undefined);
  }
  return { outcome: state && state.incidents.length > 0 ? 'incident' : 'stuck', state };
}

interface PlayOptions {
  ms: number;
  isThere?: (status: RunStatus & { state: HandoffState }) => boolean;
  /** Asked before anything is done: nobody plays on once it is true. */
  isOver?: () => boolean;
  /** Whether incidents are repaired: an undo is tried again, a step's handoff is rolled back. */
  repairs?: boolean;
  /** Whether the target rejects what it is offered. */
  rejects?: boolean;
  /** Nobody does anything. */
  looksOnly?: boolean;
}

/** An incident that is still there after so long waits for a person. */
const HELD_MS = 2000;

async function act(
  client: HandoffClient,
  { handoffId: id, target }: ReadyRequest,
  state: HandoffState,
  { repairs, rejects }: Omit<PlayOptions, 'ms'>,
): Promise<void> {
  const by = target?.agent ?? BY;
  const [incident] = state.incidents;
  if (incident) {
    if (!repairs) return;
    const said = { by: BY, reason: 'the test is over', incidentId: incident.id };
    await (incident.kind === 'undo' ? client.retry(id, said) : client.rollback(id, said));
  } else if (state.holds.operator) await client.resume(id, { by: BY });
  else if (state.status === 'awaiting_acceptance' && rejects)
    await client.reject(id, { by, reason: 'the test asks for it' });
  else if (state.status === 'awaiting_acceptance') await client.accept(id, { by });
  else if (state.status === 'accepted' && state.acceptance.by === by && !state.completion)
    await client.complete(id, { by, epoch: state.acceptance.epoch });
}
