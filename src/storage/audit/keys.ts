import { HandoffError } from '../../core/errors.js';
import type { Db } from '../database.js';
import { ApiKeys, type ApiKey } from '../keys.js';
import { appendAudit } from './log.js';

export interface KeyGrant {
  agent: string;
  roles: readonly string[];
  /** Milliseconds. */
  expiresAt?: number;
  /** Who makes it, and from where: for the audit log. */
  by: string;
  from?: string;
}

/** Makes an API key, and puts that on record with it. Throws AGENT_UNKNOWN. */
export async function issueKey(db: Db, grant: KeyGrant): Promise<{ key: ApiKey; secret: string }> {
  const { agent, roles, expiresAt, by, from } = grant;
  return db.transaction().execute(async (trx) => {
    const made = await new ApiKeys(trx).create(agent, roles, expiresAt);
    const data = { agent, roles: made.key.roles, ...(expiresAt === undefined ? {} : { expiresAt }) };
    const subject = `key/${made.key.id}`;
    const source = from === undefined ? {} : { from };
    await appendAudit(trx, { at: Date.now(), actor: by, act: 'key.create', subject, outcome: 'done', data, ...source });
    return made;
  });
}

/** Ends an API key (of one agent, where it is named), and puts that on record with it. Throws KEY_NOT_FOUND. */
export async function revokeKey(
  db: Db,
  { id, agent, by, from }: { id: string; agent?: string; by: string; from?: string },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const keys = new ApiKeys(trx);
    const known = (await keys.list(agent)).find((key) => key.id === id);
    if (!known || !(await keys.revoke(id))) throw new HandoffError('KEY_NOT_FOUND', { key: id });
    const source = from === undefined ? {} : { from };
    const data = { agent: known.agent };
    const entry = { at: Date.now(), actor: by, act: 'key.revoke', subject: `key/${id}`, outcome: 'done' as const };
    await appendAudit(trx, { ...entry, data, ...source });
  });
}
