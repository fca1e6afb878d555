import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Selectable } from 'kysely';
import { sha256 } from '../core/digest.js';
import { HandoffError } from '../core/errors.js';
import type { Db } from './database.js';
import type { KeyTable } from './tables/service.js';

/** What is known of an API key; the secret was shown once and is kept nowhere. Times in milliseconds. */
export interface ApiKey {
  id: string;
  agent: string;
  roles: string[];
  createdAt: number;
  expiresAt?: number;
  revokedAt?: number;
  lastUsedAt?: number;
}

const keyOf = (r: Selectable<KeyTable>): ApiKey => ({
  id: r.id,
  agent: r.agent,
  roles: JSON.parse(r.roles) as string[],
  createdAt: r.created_at,
  ...(r.expires_at === null ? {} : { expiresAt: r.expires_at }),
  ...(r.revoked_at === null ? {} : { revokedAt: r.revoked_at }),
  ...(r.last_used_at === null ? {} : { lastUsedAt: r.last_used_at }),
});

/** `hk_<id>_<secret>`: the id finds the row, the secret of 256 random bits needs no slow hash. */
const KEY = /^hk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** How exact `lastUsedAt` is, milliseconds. */
const USED_MS = 60_000;

const isGood = (row: Selectable<KeyTable>, now: number): boolean =>
  row.revoked_at === null && (row.expires_at ?? Infinity) > now;

/** The API keys of agents. */
export class ApiKeys {
  constructor(private readonly db: Db) {}

  /** Makes a key; `secret` is what its holder sends, and is never to be seen again. Throws AGENT_UNKNOWN. */
  async create(
    agent: string,
    roles: readonly string[],
    expiresAt?: number,
    now = Date.now(),
  ): Promise<{ key: ApiKey; secret: string }> {
    const known = await this.db.selectFrom('agents').select('name').where('name', '=', agent).executeTakeFirst();
    if (!known) throw new HandoffError('AGENT_UNKNOWN', { agent, where: 'the registry' });
    const id = randomBytes(8).toString('hex');
    const secret = `hk_${id}_${randomBytes(32).toString('base64url')}`;
    const row = {
      id,
      agent,
      roles: JSON.stringify([...new Set(roles)]),
      hash: sha256(secret),
      created_at: now,
      expires_at: expiresAt ?? null,
      revoked_at: null,
      last_used_at: null,
    };
    await this.db.insertInto('api_keys').values(row).execute();
    return { key: keyOf(row), secret };
  }

  /** Whose secret this is; undefined of one that is unknown, revoked or expired. */
  async verify(secret: string, now = Date.now()): Promise<ApiKey | undefined> {
    const id = KEY.exec(secret)?.[1];
    const row = await this.db
      .selectFrom('api_keys')
      .selectAll()
      .where('id', '=', id ?? '')
      .executeTakeFirst();
    // One that is not there takes as long.
    const right = timingSafeEqual(Buffer.from(sha256(secret)), Buffer.from(row?.hash ?? sha256('')));
    return row && right && isGood(row, now) ? keyOf(row) : undefined;
  }

  /** A key by its id; undefined of one that is unknown, revoked or expired. */
  async find(id: string, now = Date.now()): Promise<ApiKey | undefined> {
    const row = await this.db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
    return row && isGood(row, now) ? keyOf(row) : undefined;
  }

  /** Puts on record that a key was used, at most once a minute. */
  async used({ id, lastUsedAt = 0 }: ApiKey, now = Date.now()): Promise<void> {
    if (now - lastUsedAt < USED_MS) return;
    const last = this.db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', id);
    await last.where((e) => e.or([e('last_used_at', 'is', null), e('last_used_at', '<=', now - USED_MS)])).execute();
  }

  async list(agent?: string): Promise<ApiKey[]> {
    const all = this.db.selectFrom('api_keys').selectAll().orderBy('created_at');
    return (await (agent === undefined ? all : all.where('agent', '=', agent)).execute()).map(keyOf);
  }

  /** Whether there was one that was not revoked yet. */
  async revoke(id: string, now = Date.now()): Promise<boolean> {
    const { numUpdatedRows } = await this.db
      .updateTable('api_keys')
      .set({ revoked_at: now })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }
}
