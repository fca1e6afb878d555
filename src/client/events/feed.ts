import type { StoredEvent } from '../../core/events/event.js';
import type { Outbox } from '../../storage/events/outbox.js';
import type { Storage } from '../../storage/storage.js';

/** Milliseconds between two looks: right after something came, and once it has been quiet. */
const SOON_MS = 50;
const QUIET_MS = 250;
/** Events that all who keep up share. */
const KEPT = 1000;
const PAGE = 200;

/**
 * Hands out the outbox of one database: one look for all who listen in this process, however many there are. Each has a
 * cursor of its own and takes what it can; who is far behind reads the database by pages.
 */
export class EventFeed {
  private readers = 0;
  private timer: NodeJS.Timeout | undefined;
  private delay = SOON_MS;
  /** The cursor of what was last seen; undefined while nobody listens. */
  private head: number | undefined;
  /** What came after `base`, without a hole, up to the head. */
  private recent: StoredEvent[] = [];
  private base = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly outbox: Outbox) {}

  /** Pages of events after a cursor, as they come, until the signal is aborted. */
  async *from(cursor: number, signal: AbortSignal): AsyncGenerator<StoredEvent[]> {
    let at = cursor;
    this.enter();
    try {
      while (!signal.aborted) {
        const page = await this.page(at);
        const last = page.at(-1);
        if (last) {
          at = last.seq;
          yield page;
        } else await this.news(at, signal);
      }
    } finally {
      this.leave();
    }
  }

  private async page(at: number): Promise<StoredEvent[]> {
    const { head, base, recent } = this;
    if (head !== undefined && at >= head) return [];
    if (head === undefined || at < base) return this.outbox.after(at, PAGE);
    return recent.filter((e) => e.seq > at).slice(0, PAGE);
  }

  private news(at: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || (this.head ?? 0) > at) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  private enter(): void {
    if (++this.readers === 1) this.schedule(0);
  }

  private leave(): void {
    if (--this.readers > 0) return;
    clearTimeout(this.timer);
    this.head = undefined;
    this.recent = [];
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), ms);
  }

  /** A database that cannot be read now may be read later; nothing is skipped. */
  private async look(): Promise<void> {
    const found = await this.take().catch(() => false);
    this.delay = found ? SOON_MS : Math.min(QUIET_MS, this.delay * 1.5);
    if (this.readers > 0) this.schedule(this.delay);
  }

  private async take(): Promise<boolean> {
    if (this.head === undefined) {
      this.base = this.head = await this.outbox.last();
      this.wake();
      return true;
    }
    const from = this.head;
    const fresh = await this.outbox.after(from, KEPT);
    const last = fresh.at(-1);
    // All may have left meanwhile, and others come: what they share must have no hole.
    if (!last || this.head !== from) return false;
    this.recent.push(...fresh);
    const over = this.recent.splice(0, Math.max(0, this.recent.length - KEPT)).at(-1);
    if (over) this.base = over.seq;
    this.head = last.seq;
    this.wake();
    return true;
  }

  private wake(): void {
    for (const done of this.waiting) done();
  }
}

const feeds = new WeakMap<Outbox, EventFeed>();

/** The one feed of a storage in this process. */
export function feedOf({ outbox }: Storage): EventFeed {
  const known = feeds.get(outbox) ?? new EventFeed(outbox);
  feeds.set(outbox, known);
  return known;
}
