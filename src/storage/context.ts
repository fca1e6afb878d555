import { CompiledQuery } from 'kysely';
import { digestOf, sha256 } from '../core/digest.js';
import type { Queries } from './database.js';
import type { ContextTable } from './tables/sessions.js';

/** One entry of a session's context. `value` is canonical JSON, times are milliseconds. */
export interface ContextEntry {
  key: string;
  value: string;
  /** Hex SHA-256 of the value. */
  digest: string;
  /** Raised by every write. */
  version: number;
  /** Whose value it is; `updatedBy` is who put it here, such as an undo or a restore. */
  source: string;
  tags: string[];
  createdAt: number;
  updatedAt: number;
  updatedBy: string;
}

/** What a write says besides the value. Absent: `by` as source, the tags that are there, now. */
export interface Written {
  by: string;
  source?: string;
  tags?: readonly string[];
  createdAt?: number;
  updatedAt?: number;
}

/** An entry without its value, which may be large. */
export type KnownEntry = Omit<ContextEntry, 'value'>;

const KNOWN = ['key', 'digest', 'version', 'source', 'tags', 'created_at', 'updated_at', 'updated_by'] as const;
const COLUMNS = ['value', ...KNOWN] as const;

type Row = Omit<ContextTable, 'session' | 'value'>;

const entryOf = (r: Omit<ContextTable, 'session'>): ContextEntry => ({ value: r.value, ...knownOf(r) });

const knownOf = (r: Row): KnownEntry => ({
  key: r.key,
  digest: r.digest,
  version: r.version,
  source: r.source,
  tags: JSON.parse(r.tags) as string[],
  createdAt: r.created_at,
  updatedAt: r.updated_at,
  updatedBy: r.updated_by,
});

export async function readEntry(q: Queries, session: string, key: string): Promise<ContextEntry | undefined> {
  const row = await q
    .selectFrom('context')
    .select(COLUMNS)
    .where('session', '=', session)
    .where('key', '=', key)
    .executeTakeFirst();
  return row && entryOf(row);
}

/** All entries of a session, by key. */
export async function readContext(q: Queries, session: string): Promise<ContextEntry[]> {
  const rows = await q.selectFrom('context').select(COLUMNS).where('session', '=', session).orderBy('key').execute();
  return rows.map(entryOf);
}

/** The same without the values. */
export async function readKnown(q: Queries, session: string): Promise<KnownEntry[]> {
  const rows = await q.selectFrom('context').select(KNOWN).where('session', '=', session).orderBy('key').execute();
  return rows.map(knownOf);
}

/** Digest over every entry's key and value digest: the same whatever the versions. */
export async function contextDigest(q: Queries, session: string): Promise<string> {
  const rows = await q
    .selectFrom('context')
    .select(['key', 'digest'])
    .where('session', '=', session)
    .orderBy('key')
    .execute();
  return digestOf(rows.map((r) => [r.key, r.digest]));
}

/** The version that a write of an entry gets: never one that the same key, deleted since, has had. */
export async function nextVersion(q: Queries, session: string, found: KnownEntry | undefined): Promise<number> {
  return (found?.version ?? (await readFloor(q, session))) + 1;
}

/** The highest version that a deleted entry of the session has had. */
export async function readFloor(q: Queries, session: string): Promise<number> {
  const row = await q.selectFrom('contexts').select('floor').where('session', '=', session).executeTakeFirst();
  return row?.floor ?? 0;
}

/** Writes a value (canonical JSON) over what is there. */
export async function writeEntry(
  q: Queries,
  session: string,
  key: string,
  value: string,
  written: Written,
): Promise<ContextEntry> {
  const found = await readEntry(q, session, key);
  const entry = entryAfter(found, { key, value, digest: sha256(value) }, await nextVersion(q, session, found), written);
  await putEntry(q, session, entry);
  return entry;
}

/** What an entry is once a value was written over what was found. */
export function entryAfter(
  found: KnownEntry | undefined,
  content: Pick<ContextEntry, 'key' | 'value' | 'digest'>,
  version: number,
  written: Written,
): ContextEntry {
  const now = Date.now();
  return {
    ...content,
    version,
    source: written.source ?? written.by,
    tags: [...new Set(written.tags ?? found?.tags ?? [])],
    createdAt: written.createdAt ?? found?.createdAt ?? now,
    updatedAt: written.updatedAt ?? now,
    updatedBy: written.by,
  };
}

/** Compiled once: of a small entry that takes longer than writing it. */
const PUT = `insert into context (session, ${COLUMNS.join(', ')}) values (?, ${COLUMNS.map(() => '?').join(', ')})
  on conflict (session, key) do update set ${COLUMNS.filter((c) => c !== 'key')
    .map((c) => `${c} = excluded.${c}`)
    .join(', ')}`;

/** Puts an entry exactly as it is given, its version too: what an undo does. */
export async function putEntry(q: Queries, session: string, e: ContextEntry): Promise<void> {
  const row: Record<(typeof COLUMNS)[number], string | number> = {
    value: e.value,
    key: e.key,
    digest: e.digest,
    version: e.version,
    source: e.source,
    tags: JSON.stringify(e.tags),
    created_at: e.createdAt,
    updated_at: e.updatedAt,
    updated_by: e.updatedBy,
  };
  await q.executeQuery(CompiledQuery.raw(PUT, [session, ...COLUMNS.map((c) => row[c])]));
}

export async function deleteEntry(q: Queries, session: string, key: string): Promise<void> {
  await q.deleteFrom('context').where('session', '=', session).where('key', '=', key).execute();
}

/** Makes a context that is found though it is empty; one that is there stays as it is. */
export async function ensureContext(q: Queries, session: string): Promise<void> {
  await q
    .insertInto('contexts')
    .values({ session, floor: 0, created_at: Date.now() })
    .onConflict((c) => c.column('session').doNothing())
    .execute();
}

/** New entries of a session get versions above this one from now on. */
export async function raiseFloor(q: Queries, session: string, version: number): Promise<void> {
  await ensureContext(q, session);
  await q
    .updateTable('contexts')
    .set({ floor: version })
    .where('session', '=', session)
    .where('floor', '<', version)
    .execute();
}

/** Whether somebody made a context for the session, or wrote an entry. */
export async function hasContext(q: Queries, session: string): Promise<boolean> {
  const made = await q.selectFrom('contexts').select('session').where('session', '=', session).executeTakeFirst();
  if (made) return true;
  const entry = await q.selectFrom('context').select('key').where('session', '=', session).limit(1).executeTakeFirst();
  return entry !== undefined;
}

/** What a change that is made once said, if it was made. */
export async function readRestore(q: Queries, session: string, key: string): Promise<string | undefined> {
  const row = await q
    .selectFrom('restores')
    .select('result')
    .where('key', '=', restoreKey(session, key))
    .executeTakeFirst();
  return row?.result;
}

export async function recordRestore(q: Queries, session: string, key: string, result: string): Promise<void> {
  await q
    .insertInto('restores')
    .values({ key: restoreKey(session, key), session, result, at: Date.now() })
    .execute();
}

/** No session's id has a blank. */
const restoreKey = (session: string, key: string): string => `${session} ${key}`;
