import type { Client } from '@temporalio/client';
import { workflowIdOf } from '../core/ids.js';
import type { Storage } from '../storage/storage.js';
import type { Watchdog } from './watchdog.js';

/** What is on record of an open handoff. */
export interface Sight {
  status: string;
  shown: string;
  updatedAt: number;
  closed: boolean;
}

export interface Lookout {
  /** From now on looks at a handoff; `see` hears of it whenever it has changed. */
  watch: (id: string, see: (sight: Sight) => void, stuck: () => void) => void;
  forget: (id: string) => void;
  close: () => void;
}

const LOOK_MS = 60;
/** A run that the database says nothing new of for so long is looked at in Temporal too. */
const QUIET_MS = 5_000;
const ASK_MS = 2_000;

interface Watched {
  see: (sight: Sight) => void;
  stuck: () => void;
  last: string;
  askedAt: number;
}

/**
 * Looks at all open handoffs at once, in the test's database, and tells the watchdog what it sees. One that is quiet
 * there may still move in Temporal: its history grows, or an attempt follows another.
 */
export function lookout(storage: Storage, temporal: Client, dog: Watchdog): Lookout {
  const open = new Map<string, Watched>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const look = async (): Promise<void> => {
    const now = Date.now();
    for (const [id, sight] of await sightsOf(storage, [...open.keys()])) {
      const one = open.get(id);
      const print = JSON.stringify(sight);
      if (!one || one.last === print) continue;
      one.last = print;
      dog.seen(id, print, now);
      one.see(sight);
    }
    for (const id of dog.stuck(now)) {
      const one = open.get(id);
      forget(id);
      one?.stuck();
    }
    const quiet = [...open].filter(([id, w]) => (dog.quietMs(id, now) ?? 0) > QUIET_MS && now - w.askedAt > ASK_MS);
    for (const [id, one] of quiet.slice(0, 10)) {
      one.askedAt = now;
      void movesInTemporal(temporal, id).then(
        (moves) => open.get(id) === one && dog.seen(id, `${one.last} ${moves}`, Date.now()),
        () => {},
      );
    }
  };
  const forget = (id: string): void => {
    open.delete(id);
    dog.ended(id);
  };
  const again = (): void => {
    if (closed) return;
    // A database that a fault holds is looked at again.
    timer = setTimeout(
      () =>
        void look()
          .catch(() => {})
          .finally(again),
      LOOK_MS,
    );
  };
  again();
  return {
    watch: (id, see, stuck) => {
      open.set(id, { see, stuck, last: '', askedAt: 0 });
      dog.seen(id, '', Date.now());
    },
    forget,
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

async function sightsOf(storage: Storage, ids: readonly string[]): Promise<Map<string, Sight>> {
  if (ids.length === 0) return new Map();
  const rows = await storage.db
    .selectFrom('handoffs')
    .select(['id', 'status', 'shown', 'updated_at', 'closed_at'])
    .where('id', 'in', ids)
    .execute();
  return new Map(
    rows.map((r) => [
      r.id,
      { status: r.status, shown: r.shown, updatedAt: r.updated_at, closed: r.closed_at !== null },
    ]),
  );
}

/** What changes in Temporal while a run moves: its history's length, and the attempts of what is tried again. */
async function movesInTemporal(temporal: Client, id: string): Promise<string> {
  const described = await temporal.withDeadline(Date.now() + 5_000, () =>
    temporal.workflow.getHandle(workflowIdOf(id)).describe(),
  );
  const attempts = (described.raw.pendingActivities ?? []).map((a) => a.attempt).join(',');
  return `${described.status.name} ${described.historyLength} ${attempts}`;
}
