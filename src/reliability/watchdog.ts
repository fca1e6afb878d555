/** What one run looks like from outside: whatever moves, changes it. */
export type Fingerprint = string;

export interface Watchdog {
  /** What a run looks like now. */
  seen: (id: string, fingerprint: Fingerprint, now: number) => void;
  /** It has come to rest: nobody looks for it any more. */
  ended: (id: string) => void;
  /** The last fault is over: from now on each run has to move. */
  faultsOver: (now: number) => void;
  /** Milliseconds since a run last moved; undefined for one that is not watched. */
  quietMs: (id: string, now: number) => number | undefined;
  /** Runs that have not moved for so long, counted from the end of the faults at the earliest; none before that. */
  stuck: (now: number) => string[];
}

/** Finds runs that do not move. All times in milliseconds. */
export function watchdog(limitMs: number): Watchdog {
  const runs = new Map<string, { fingerprint: Fingerprint; moved: number }>();
  let over: number | undefined;
  return {
    seen: (id, fingerprint, now) => {
      const known = runs.get(id);
      if (known?.fingerprint !== fingerprint) runs.set(id, { fingerprint, moved: now });
    },
    ended: (id) => void runs.delete(id),
    faultsOver: (now) => void (over ??= now),
    quietMs: (id, now) => {
      const known = runs.get(id);
      return known && now - known.moved;
    },
    stuck: (now) => {
      const from = over;
      if (from === undefined) return [];
      return [...runs].filter(([, r]) => now - Math.max(r.moved, from) >= limitMs).map(([id]) => id);
    },
  };
}
