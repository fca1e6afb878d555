import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Selectable } from 'kysely';
import type { StoredEvent } from '../../core/events/event.js';
import { Deliveries } from '../../storage/events/deliveries.js';
import type { Storage } from '../../storage/storage.js';
import type { WebhookTable } from '../../storage/tables/events.js';
import { cloudEventOf, signed } from './cloud-event.js';
import { post, type Posted } from './post.js';

export interface WebhookSettings {
  /** Whether addresses within this machine and its networks are allowed. */
  webhookAllowPrivate: boolean;
}

/** Milliseconds and numbers; tests make them small. */
export interface DeliveryTiming {
  lookMs: number;
  timeoutMs: number;
  /** A process that is gone holds a webhook no longer; longer than a delivery may take. */
  leaseMs: number;
  /** The wait after the first failure; each one after it doubles it. */
  firstMs: number;
  mostMs: number;
  /** Attempts at an event, over about a day. */
  attempts: number;
}

const DELIVERY: DeliveryTiming = {
  lookMs: 250,
  timeoutMs: 10_000,
  leaseMs: 15_000,
  firstMs: 5000,
  mostMs: 2 * 3_600_000,
  attempts: 22,
};

/** How long to wait after so many failures: doubled each time, and apart from others that failed with it. */
const backOff = (failures: number, { firstMs, mostMs }: DeliveryTiming): number =>
  Math.min(mostMs, firstMs * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);

/** Webhooks that are worked on at a time. */
const AT_A_TIME = 20;
/** Events that are read at a time. */
const PAGE = 100;

/**
 * Delivers events to webhooks until it is stopped: each has them in their order, and at least once. Where it stands is in
 * the database, and a webhook is held by one process at a time, so another goes on where a killed one stopped.
 */
export function startWebhooks(
  storage: Storage,
  { webhookAllowPrivate: allowPrivate }: WebhookSettings,
  timing: DeliveryTiming = DELIVERY,
): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const deliveries = new Deliveries(storage.db, randomUUID(), timing.leaseMs);
  const atWork = new Map<string, Promise<void>>();

  const send = (hook: Selectable<WebhookTable>, event: StoredEvent): Promise<Posted> => {
    const body = cloudEventOf(event);
    const options = { timeoutMs: timing.timeoutMs, allowPrivate, signal };
    return post(hook.url, signed(hook.secret, event.seq, body), body, options);
  };

  /** Whether to go on: not after a failure, and not once it is no longer ours. */
  const deliver = async (hook: Selectable<WebhookTable>, from: number, event: StoredEvent): Promise<boolean> => {
    const posted = await send(hook, event);
    if (signal.aborted) return false;
    if (posted.error === undefined) return deliveries.advance(hook.id, from, event.seq, posted);
    const failures = hook.attempts + 1;
    if (posted.status === 410) await deliveries.disable(hook.id, 'its address answered 410 Gone', posted);
    else if (failures >= timing.attempts) await deliveries.bury(hook.id, from, event, failures, posted);
    else {
      const wait = Math.max(backOff(failures, timing), posted.retryAfterMs ?? 0);
      await deliveries.postpone(hook.id, from, posted, Date.now() + wait);
    }
    return false;
  };

  const letters = async (id: string): Promise<void> => {
    for (const { id: letter, event } of await deliveries.letters(id)) {
      const hook = signal.aborted ? undefined : await deliveries.take(id);
      if (!hook) return;
      const posted = await send(hook, event);
      if (signal.aborted) return;
      await deliveries.settle(letter, posted);
      if (posted.status === 410) return deliveries.disable(id, 'its address answered 410 Gone', posted);
    }
  };

  /** One look at a webhook: all that is there for it, as long as it is taken. */
  const work = async (id: string): Promise<void> => {
    let hook = await deliveries.take(id);
    if (!hook) return;
    await letters(id);
    let read: { after: number; events: StoredEvent[] } | undefined;
    for (;;) {
      hook = signal.aborted ? undefined : await deliveries.take(id);
      if (!hook || hook.next_at > Date.now()) break;
      const { cursor } = hook;
      // Somebody may have set the cursor back meanwhile.
      const rest = read && cursor >= read.after ? read.events.filter((e) => e.seq > cursor) : [];
      const events = rest.length > 0 ? rest : await storage.outbox.after(cursor, PAGE);
      read = { after: cursor, events };
      const types = JSON.parse(hook.types) as string[];
      const wanted = events.findIndex((e) => types.length === 0 || types.includes(e.type));
      const skipped = wanted === -1 ? events.at(-1) : events[wanted - 1];
      if (!skipped && wanted === -1) break;
      if (skipped && !(await deliveries.advance(id, cursor, skipped.seq))) break;
      if (wanted !== -1 && !(await deliver(hook, skipped?.seq ?? cursor, events[wanted]!))) break;
    }
    await deliveries.release(id);
  };

  const look = async (): Promise<void> => {
    for (const id of await deliveries.due(Date.now())) {
      if (atWork.size >= AT_A_TIME) return;
      if (atWork.has(id)) continue;
      // A database that is busy now is asked again at the next look.
      const done = work(id)
        .catch(() => {})
        .finally(() => atWork.delete(id));
      atWork.set(id, done);
    }
  };
  const loop = (async () => {
    while (!signal.aborted) {
      await look().catch(() => {});
      await sleep(timing.lookMs, undefined, { signal }).catch(() => {});
    }
    await Promise.all(atWork.values());
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}
