import { setTimeout as sleep } from 'node:timers/promises';
import type { HandoffClient } from '../client.js';
import { HandoffError } from '../core/errors.js';
import { persist } from './away.js';
import type { AgentSwitch } from './stack.js';
import type { Conduct } from './people.js';

/** What one cannot do any more: somebody or something was faster, which is no fault. */
const TOO_LATE = new Set(['WRONG_STATE', 'EXPIRED', 'HANDOFF_NOT_FOUND', 'ALREADY_ACCEPTED', 'STALE_ACCEPTANCE']);

async function unlessTooLate(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof HandoffError && TOO_LATE.has(error.code))) throw error;
  }
}

/** How often a silent agent is asked whether it answers again, milliseconds. */
const ASK_MS = 200;

/**
 * The pretend target answers an offer: it accepts and completes, or refuses, or says nothing. Each message has an id of
 * its own, so that one whose answer got lost is sent again and counts once.
 */
export async function answerOffer(
  { client, agents, signal }: { client: HandoffClient; agents: AgentSwitch; signal: AbortSignal },
  id: string,
  by: string,
  conduct: Conduct,
): Promise<void> {
  if (conduct === 'silent') return;
  while (!agents.mayAnswer()) await sleep(ASK_MS, undefined, { signal });
  if (conduct === 'reject') {
    const reason = 'the test wants one that is refused';
    return unlessTooLate(() => persist(() => client.reject(id, { by, reason }, { updateId: `${id}-reject` }), signal));
  }
  return unlessTooLate(async () => {
    const { epoch } = await persist(() => client.accept(id, { by }, { updateId: `${id}-accept` }), signal);
    await persist(() => client.complete(id, { by, epoch }, { updateId: `${id}-complete` }), signal);
  });
}

/** The source takes its handoff back. */
export async function cancelOwn(client: HandoffClient, id: string, by: string, signal: AbortSignal): Promise<void> {
  const reason = 'the test wants one that is cancelled';
  await unlessTooLate(() => persist(() => client.cancel(id, { by, reason }), signal));
}
