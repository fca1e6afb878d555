import { sql } from 'kysely';
import type { Db } from '../../storage/database.js';

/** What was computed, of which state of the data, and when. */
interface Kept {
  stamp: string;
  at: number;
  value: Promise<unknown>;
}

/** Answers that are kept of one database; of more, the oldest goes. */
const MOST = 500;
const keptOf = new WeakMap<Db, Map<string, Kept>>();

export interface Freshness {
  /** Seconds that an answer is kept, whatever its age in changes. */
  cacheSeconds: number;
  forceRefresh?: boolean | undefined;
}

/** The answer of `compute`, kept under `key` while `stamp` is the same. Those who ask at the same time wait for one. */
export async function kept<T>(
  db: Db,
  key: string,
  stamp: string,
  { cacheSeconds, forceRefresh = false }: Freshness,
  compute: () => Promise<T>,
): Promise<{ value: T; cached: boolean }> {
  const all = keptOf.get(db) ?? new Map<string, Kept>();
  keptOf.set(db, all);
  const now = Date.now();
  const there = all.get(key);
  const age = there ? now - there.at : Infinity;
  if (there?.stamp === stamp && !forceRefresh && age >= 0 && age < cacheSeconds * 1000)
    return { value: (await there.value) as T, cached: true };
  const value = compute();
  all.delete(key);
  all.set(key, { stamp, at: now, value });
  if (all.size > MOST) all.delete(all.keys().next().value!);
  try {
    return { value: await value, cached: false };
  } catch (error) {
    if (all.get(key)?.value === value) all.delete(key);
    throw error;
  }
}

/** Another one after every change of a report; read by the key of the newest change. */
export async function reportStamp(db: Db): Promise<string> {
  const { rows } = await sql<{ n: number | null }>`select max(n) as n from report_changes`.execute(db);
  return String(rows[0]?.n ?? 0);
}
