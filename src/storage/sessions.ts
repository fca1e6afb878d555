import type { Transaction } from 'kysely';
import { ENTRY_LIMIT, checkEntry, checkKey, type EntryFacts } from '../core/context/entry.js';
import { canonicalJson } from '../core/digest.js';
import { HandoffError } from '../core/errors.js';
import { PHASE_NAME, checkSession, checkedName, printable } from '../core/ids.js';
import { PHASE_STATUSES, type PhaseStatus } from '../core/phase.js';
import {
  contextDigest,
  deleteEntry,
  ensureContext,
  entryAfter,
  hasContext,
  putEntry,
  raiseFloor,
  readContext,
  readEntry,
  readFloor,
  readKnown,
  readRestore,
  recordRestore,
  writeEntry,
  type ContextEntry,
  type KnownEntry,
  type Written,
} from './context.js';
import type { Db, Queries } from './database.js';
import { failpointSync } from '../faults/failpoint.js';
import type { Tables } from './schema.js';

/** What is recorded of one phase of a session. Times in milliseconds. */
export interface PhaseRecord {
  session: string;
  phase: string;
  status: PhaseStatus;
  version: number;
  /** Digest of the session's context when the phase took this status. */
  stateDigest?: string;
  updatedBy: string;
  updatedAt: number;
}

/** The state of sessions: phase records and context entries, each with a version that every write raises. */
export class Sessions {
  /** `guard`: asked in the transaction of each change of a context, before it; what it throws is thrown, and nothing is written. */
  constructor(
    private readonly db: Db,
    private readonly guard?: (trx: Transaction<Tables>) => Promise<void>,
  ) {}

  /** The same sessions, whose contexts change only where `guard` lets them. */
  static guarded(sessions: Sessions, guard: (trx: Transaction<Tables>) => Promise<void>): Sessions {
    return new Sessions(sessions.db, guard);
  }

  /** Records a phase's status, with the digest of the session's context as it is now. */
  async setPhase(session: string, phase: string | number, status: PhaseStatus, by: string): Promise<PhaseRecord> {
    const name = checkedName('Phase', String(phase), PHASE_NAME);
    checkSession(session);
    if (!PHASE_STATUSES.includes(status)) {
      throw new HandoffError('INVALID_REQUEST', { issues: `/status: must be one of ${PHASE_STATUSES.join(', ')}` });
    }
    return this.db.transaction().execute((trx) => writePhase(trx, session, name, status, by));
  }

  async phase(session: string, phase: string): Promise<PhaseRecord | undefined> {
    return readPhase(this.db, session, phase);
  }

  async phases(session: string): Promise<PhaseRecord[]> {
    const rows = await this.db
      .selectFrom('phases')
      .select('phase')
      .where('session', '=', session)
      .orderBy('phase')
      .execute();
    return (await Promise.all(rows.map((r) => readPhase(this.db, session, r.phase)))).flatMap((p) => p ?? []);
  }

  /**
   * Sets one context entry. With `ifVersion` (0: absent) only if it is still at that version. `by` is its source too,
   * unless the facts name another. Throws STATE_CONFLICT and INVALID_CONTEXT.
   */
  async set(
    session: string,
    key: string,
    value: unknown,
    by: string,
    ifVersion?: number,
    facts: EntryFacts = {},
  ): Promise<ContextEntry> {
    checkSession(session);
    checkEntry(key, value, { source: by });
    checkEntry(key, null, facts);
    const text = canonicalJson(value);
    checkSize(key, Buffer.byteLength(text));
    return this.transact(async (trx) => {
      compare(session, key, await readEntry(trx, session, key), ifVersion);
      return writeEntry(trx, session, key, text, { by, ...facts });
    });
  }

  /** Whether there was an entry to delete. The versions of a later one go on above those it had. Throws STATE_CONFLICT. */
  async delete(session: string, key: string, ifVersion?: number): Promise<boolean> {
    checkSession(session);
    checkKey(key);
    return this.transact(async (trx) => {
      const found = await readEntry(trx, session, key);
      compare(session, key, found, ifVersion);
      if (!found) return false;
      await raiseFloor(trx, session, found.version);
      await deleteEntry(trx, session, key);
      return true;
    });
  }

  async entry(session: string, key: string): Promise<ContextEntry | undefined> {
    return readEntry(this.db, session, key);
  }

  /** All entries of a session, by key. */
  async context(session: string): Promise<ContextEntry[]> {
    return readContext(this.db, session);
  }

  /** Makes an empty context for a session that has none. */
  async createContext(session: string): Promise<void> {
    await ensureContext(this.db, checkSession(session));
  }

  /** Whether the session has a context, be it an empty one. */
  async hasContext(session: string): Promise<boolean> {
    return hasContext(this.db, checkSession(session));
  }

  /**
   * Writes several entries in one transaction, all or none, and makes the context where there is none. `decide` says
   * which, from those that are there, and what to return (JSON). With a key in `once` it is made once: the same key again
   * writes nothing and returns what was said the first time.
   */
  async change<R>(
    session: string,
    by: string,
    decide: (present: readonly KnownEntry[]) => { writes: readonly ContextWrite[]; result: R },
    once?: string,
  ): Promise<R> {
    checkSession(session);
    return this.transact(async (trx) => {
      const made = once === undefined ? undefined : await readRestore(trx, session, once);
      if (made !== undefined) return JSON.parse(made) as R;
      const present = await readKnown(trx, session);
      const { writes, result } = decide(present);
      await ensureContext(trx, session);
      const there = new Map(present.map((e) => [e.key, e]));
      const floor = await readFloor(trx, session);
      for (const { key, value, digest, ...facts } of writes) {
        const found = there.get(key);
        const version = (found?.version ?? floor) + 1;
        await putEntry(trx, session, entryAfter(found, { key, value, digest }, version, { by, ...facts }));
        failpointSync('context.in_change');
      }
      if (once !== undefined) await recordRestore(trx, session, once, JSON.stringify(result));
      return result;
    });
  }

  async contextDigest(session: string): Promise<string> {
    return contextDigest(this.db, session);
  }

  private transact<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.db.transaction().execute(async (trx) => {
      await this.guard?.(trx);
      return work(trx);
    });
  }
}

/** One entry to write: its value as canonical JSON, times in milliseconds. */
export interface ContextWrite extends Omit<Written, 'by'> {
  key: string;
  value: string;
  digest: string;
}

export async function readPhase(q: Queries, session: string, phase: string): Promise<PhaseRecord | undefined> {
  const r = await q
    .selectFrom('phases')
    .selectAll()
    .where('session', '=', session)
    .where('phase', '=', phase)
    .executeTakeFirst();
  return (
    r && {
      session,
      phase,
      status: r.status as PhaseStatus,
      version: r.version,
      updatedBy: r.updated_by,
      updatedAt: r.updated_at,
      ...(r.state_digest === null ? {} : { stateDigest: r.state_digest }),
    }
  );
}

export async function writePhase(
  q: Queries,
  session: string,
  phase: string,
  status: PhaseStatus,
  by: string,
): Promise<PhaseRecord> {
  const now = Date.now();
  const version = ((await readPhase(q, session, phase))?.version ?? 0) + 1;
  const row = { status, version, state_digest: await contextDigest(q, session), updated_by: by, updated_at: now };
  await q
    .insertInto('phases')
    .values({ session, phase, ...row })
    .onConflict((c) => c.columns(['session', 'phase']).doUpdateSet(row))
    .execute();
  return (await readPhase(q, session, phase))!;
}

/** Puts a phase record back as it was, its version included; undefined: there was none. */
export async function restorePhase(
  q: Queries,
  session: string,
  phase: string,
  before: PhaseRecord | undefined,
): Promise<void> {
  await q.deleteFrom('phases').where('session', '=', session).where('phase', '=', phase).execute();
  if (!before) return;
  await q
    .insertInto('phases')
    .values({
      session,
      phase,
      status: before.status,
      version: before.version,
      state_digest: before.stateDigest ?? null,
      updated_by: before.updatedBy,
      updated_at: before.updatedAt,
    })
    .execute();
}

function compare(session: string, key: string, found: ContextEntry | undefined, ifVersion: number | undefined): void {
  const version = found?.version ?? 0;
  if (ifVersion === undefined || version === ifVersion) return;
  throw new HandoffError('STATE_CONFLICT', {
    resource: `context:${session}/${key}`,
    expected: `version ${ifVersion}`,
    found: `version ${version}`,
  });
}

/** Throws INPUT_TOO_LARGE of a value (so many bytes of JSON) that is too large for one entry. */
export function checkSize(key: string, size: number): void {
  if (size > ENTRY_LIMIT)
    throw new HandoffError('INPUT_TOO_LARGE', { what: `The value of ${printable(key)}`, size, limit: ENTRY_LIMIT });
}
