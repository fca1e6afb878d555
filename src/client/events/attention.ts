import { setTimeout as sleep } from 'node:timers/promises';
import { namesOf, type Listener } from '../../core/events/audience.js';
import type { Storage } from '../../storage/storage.js';
import { feedOf } from './feed.js';
import { allWaiting, waitingAt } from './waiting.js';

export interface AttentionSettings {
  /** Off: nobody is told, and `GET /waiting` still answers. */
  notifications: boolean;
  reminderMinutes: number;
}

/** Milliseconds. */
export interface AttentionTiming {
  /** How often it looks what is to be told again. */
  lookMs: number;
  /** How often it looks at everything, should anything have been missed. */
  scanMs: number;
}

const TIMING: AttentionTiming = { lookMs: 1000, scanMs: 60_000 };
const MINUTE = 60_000;

/**
 * Tells those whom something waits for, as events `handoff:waiting`: at once, and again until they have seen it or it is
 * over. It follows the outbox, where every change shows; several processes may do so, and each thing is told once.
 */
export function startAttention(
  storage: Storage,
  { notifications, reminderMinutes }: AttentionSettings,
  { lookMs, scanMs }: AttentionTiming = TIMING,
): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const remindMs = reminderMinutes * MINUTE;
  if (!notifications) return { stop: () => Promise.resolve() };

  const settle = async (subject: string): Promise<void> =>
    storage.attention.settle(subject, await waitingAt(storage, subject), remindMs);

  const scan = async (): Promise<void> => {
    for (const subject of await storage.attention.unsettled(await allWaiting(storage))) await settle(subject);
  };

  const remind = async (): Promise<void> => {
    for (const subject of await storage.attention.due(Date.now())) {
      const waiting = await waitingAt(storage, subject);
      await storage.attention.remind(subject, waiting, remindMs);
      await storage.attention.settle(subject, waiting, remindMs);
    }
  };

  const follow = async (): Promise<void> => {
    // What came before it is found by the scan, which begins after this.
    for await (const page of feedOf(storage).from(await storage.outbox.last(), signal)) {
      // Not what was told here: it is no change.
      const changes = page.filter((e) => e.type !== 'handoff:waiting');
      for (const subject of new Set(changes.map((e) => e.subject))) await settle(subject).catch(() => {});
    }
  };

  const clock = async (): Promise<void> => {
    for (let next = 0; !signal.aborted;) {
      // A database that is busy now is looked at again in a moment.
      try {
        await remind();
        if (Date.now() >= next) {
          await scan();
          next = Date.now() + scanMs;
        }
      } catch {
        next = 0;
      }
      await sleep(lookMs, undefined, { signal }).catch(() => {});
    }
  };
  const over = Promise.all([untilAborted(follow, signal), clock()]);
  return {
    stop: async () => {
      stopping.abort();
      await over;
    },
  };
}

/** Begins again what failed, until it is to end. */
async function untilAborted(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work().catch(() => {});
    await sleep(250, undefined, { signal }).catch(() => {});
  }
}

/**
 * Who asks has seen what waits for them at a subject, and is told of it no more. For a role one of those who have it is
 * enough. Says how many things that were.
 */
export async function markSeen(
  storage: Storage,
  listener: Listener,
  subject: string,
  reminderMinutes: number,
): Promise<number> {
  // It may wait for less than the moment in which it is told.
  await storage.attention.settle(subject, await waitingAt(storage, subject), reminderMinutes * MINUTE);
  return storage.attention.seen(subject, namesOf(listener), listener.agent);
}
