import { setTimeout as sleep } from 'node:timers/promises';
import { startAttention } from '../../client/events/attention.js';
import type { ServiceSettings } from '../../core/service/settings.js';
import type { Storage } from '../../storage/storage.js';
import { startWebhooks } from './deliver.js';

/** Events are kept for so long, and until every active webhook has had them. */
const KEPT_MS = 30 * 86_400_000;
const CLEAN_MS = 10 * 60_000;

/**
 * What a service does about events besides answering: delivers webhooks, tells whom something waits for, and removes what
 * is old, a bounded part at a time. Several services may do so on one storage.
 */
export function startEvents(storage: Storage, settings: ServiceSettings): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const parts = [startWebhooks(storage, settings), startAttention(storage, settings)];
  const clean = (async () => {
    while (!signal.aborted) {
      await storage.outbox.prune(Date.now() - KEPT_MS).catch(() => {});
      await sleep(CLEAN_MS, undefined, { signal }).catch(() => {});
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all([clean, ...parts.map((part) => part.stop())]);
    },
  };
}
