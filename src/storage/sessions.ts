import { canonicalJson, digestOf, sha256 } from '../core/digest.js';
import { HandoffError } from '../core/errors.js';
import { PHASE_NAME, SESSION_ID, printable } from '../core/ids.js';
import type { Db, Queries } from './database.js';

export const PHASE_STATUSES = ['in_progress', 'completed', 'handed_off', 'ready', 'failed'] as const;
export type PhaseStatus = (typeof PHASE_STATUSES)[number];

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

/** One entry of a session's context. `value` is canonical JSON. */
export interface ContextEntry {
  key: string;
  value: string;
  digest: string;
  version: number;
}

/** The state of sessions: phase records and context entries, each with a version that every write raises. */
export class Sessions {
  constructor(private readonly db: Db) {}

  /** Records a phase's status, with the digest of the session's context as it is now. */
  async setPhase(session: string, phase: string | number, status: PhaseStatus, by: string): Promise<PhaseRecord> {
    const name = checked(PHASE_NAME, String(phase), 'Phase');
    checked(SESSION_ID, session, 'Session');
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

  /** Sets one context entry. With `ifVersion` (0: absent) only if it is still at that version. Throws STATE_CONFLICT. */
  async set(session: string, key: string, value: unknown, by: string, ifVersion?: number): Promise<ContextEntry> {
    checked(SESSION_ID, session, 'Session');
    return this.db.transaction().execute(async (trx) => {
      const found = (await readEntry(trx, session, key))?.version ?? 0;
      if (ifVersion !== undefined && found !== ifVersion) {
        throw new HandoffError('STATE_CONFLICT', {
          resource: `context:${session}/${key}`,
          expected: `version ${ifVersion}`,
          found: `version ${found}`,
        });
      }
      return writeEntry(trx, session, key, canonicalJson(value), by);
    });
  }

  /** All entries of a session, by key. */
  async context(session: string): Promise<ContextEntry[]> {
    return readContext(this.db, session);
  }

  async contextDigest(session: string): Promise<string> {
    return contextDigest(this.db, session);
  }
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

export async function readEntry(q: Queries, session: string, key: string): Promise<ContextEntry | undefined> {
  return q
    .selectFrom('context')
    .select(['key', 'value', 'digest', 'version'])
    .where('session', '=', session)
    .where('key', '=', key)
    .executeTakeFirst();
}

async function readContext(q: Queries, session: string): Promise<ContextEntry[]> {
  return q
    .selectFrom('context')
    .select(['key', 'value', 'digest', 'version'])
    .where('session', '=', session)
    .orderBy('key')
    .execute();
}

/** Digest over every entry's key and value digest: the same whatever the versions. */
async function contextDigest(q: Queries, session: string): Promise<string> {
  return digestOf((await readContext(q, session)).map((e) => [e.key, e.digest]));
}

/** `version` puts an entry back to an old version; absent: the next one. */
export async function writeEntry(
  q: Queries,
  session: string,
  key: string,
  value: string,
  by: string,
  version?: number,
): Promise<ContextEntry> {
  const next = version ?? ((await readEntry(q, session, key))?.version ?? 0) + 1;
  const row = { value, digest: sha256(value), version: next, updated_by: by, updated_at: Date.now() };
  await q
    .insertInto('context')
    .values({ session, key, ...row })
    .onConflict((c) => c.columns(['session', 'key']).doUpdateSet(row))
    .execute();
  return { key, value, digest: row.digest, version: next };
}

export async function deleteEntry(q: Queries, session: string, key: string): Promise<void> {
  await q.deleteFrom('context').where('session', '=', session).where('key', '=', key).execute();
}

function checked(pattern: RegExp, id: string, what: string): string {
  if (pattern.test(id)) return id;
  throw new HandoffError('INVALID_ID', { what, id: printable(id), why: `it must match ${pattern.source}` });
}
