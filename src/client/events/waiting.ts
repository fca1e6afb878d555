import { namesOf, type Listener } from '../../core/events/audience.js';
import type { Waiting } from '../../core/events/waiting.js';
import { HANDOFF_ID } from '../../core/ids.js';
import type { Storage } from '../../storage/storage.js';

/** Something that waits for who asks; `since` an ISO 8601 text. */
export interface WaitingItem extends Omit<Waiting, 'since' | 'mark'> {
  since: string;
  /** Whether it was marked as seen: nobody is told of it again. */
  seen: boolean;
}

/** What waits at a subject; nothing at one that there is not. */
export async function waitingAt(storage: Storage, subject: string): Promise<Waiting[]> {
  const [, kind, id = ''] = /^(handoff|report)\/(.+)$/.exec(subject) ?? [];
  if (!HANDOFF_ID.test(id)) return [];
  return kind === 'handoff' ? storage.waiting.of(id) : storage.waitingReports.all(id);
}

/** All that waits for anybody. */
export async function allWaiting(storage: Storage): Promise<Waiting[]> {
  return [...(await storage.waiting.all()), ...(await storage.waitingReports.all())];
}

/** What waits for one of these names, the longest first. */
export async function waitingFor(storage: Storage, listener: Listener): Promise<WaitingItem[]> {
  const names = namesOf(listener);
  const incidents = listener.roles.includes('admin');
  const all = [
    ...(await storage.waiting.all({ agent: listener.agent, incidents })),
    ...(await storage.waitingReports.all()),
  ];
  const seen = await storage.attention.seenBy(names);
  return all
    .filter((w) => w.whom.some((one) => names.includes(one)))
    .toSorted((a, b) => a.since - b.since || (a.subject < b.subject ? -1 : 1))
    .map(({ mark, since, ...w }) => ({
      ...w,
      since: new Date(since).toISOString(),
      seen: seen.has(`${w.subject} ${mark}`),
    }));
}
