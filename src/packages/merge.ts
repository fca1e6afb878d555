import type { MergeStrategy, RestoreConflict } from '../core/package/package.js';
import type { KnownEntry } from '../storage/context.js';
import type { ContextWrite } from '../storage/sessions.js';

export interface Merged {
  /** What is to be written. */
  writes: ContextWrite[];
  /** Entries that are there with another value, by key. */
  conflicts: RestoreConflict[];
}

/**
 * What restoring a package's entries changes. An entry that is there with the same value is left alone, with all that is
 * known of it; and so is every entry that the package does not have. Under `fail` the present ones win.
 */
export function merge(
  incoming: readonly ContextWrite[],
  present: readonly KnownEntry[],
  strategy: MergeStrategy,
): Merged {
  const there = new Map(present.map((e) => [e.key, e]));
  const merged: Merged = { writes: [], conflicts: [] };
  for (const entry of incoming) {
    const existing = there.get(entry.key);
    if (existing?.digest === entry.digest) continue;
    const decision = existing ? decide(strategy, entry, existing) : 'package';
    if (decision === 'package') merged.writes.push(entry);
    if (existing) merged.conflicts.push(conflictOf(entry, existing, decision));
  }
  merged.conflicts.sort((a, b) => (a.key < b.key ? -1 : 1));
  return merged;
}

function decide(strategy: MergeStrategy, entry: ContextWrite, { updatedAt }: KnownEntry): RestoreConflict['decision'] {
  if (strategy === 'overwrite') return 'package';
  // One that does not say when it was written cannot be shown to be newer.
  return strategy === 'newest-wins' && (entry.updatedAt ?? -Infinity) > updatedAt ? 'package' : 'existing';
}

const conflictOf = (
  { key, digest, updatedAt }: ContextWrite,
  existing: KnownEntry,
  decision: RestoreConflict['decision'],
): RestoreConflict => ({
  key,
  decision,
  package: { digest, ...(updatedAt === undefined ? {} : { updatedAt: new Date(updatedAt).toISOString() }) },
  existing: {
    digest: existing.digest,
    updatedAt: new Date(existing.updatedAt).toISOString(),
    version: existing.version,
  },
});
