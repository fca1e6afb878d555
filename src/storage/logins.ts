import { randomBytes } from 'node:crypto';
import { sha256 } from '../core/digest.js';
import type { Db } from './database.js';
import type { ApiKey, ApiKeys } from './keys.js';

/** How long one stays logged in, milliseconds. */
const LOGIN_MS = 12 * 60 * 60 * 1000;

/** Who is logged in on the page: each stands for the key that was given, and ends with it. */
export class Logins {
  constructor(
    private readonly db: Db,
    private readonly keys: ApiKeys,
  ) {}

  /** Begins one; the secret is the cookie's, and only its hash is kept. */
  async begin(key: ApiKey, now = Date.now()): Promise<{ secret: string; expiresAt: number }> {
    const secret = randomBytes(32).toString('base64url');
    const expiresAt = Math.min(now + LOGIN_MS, key.expiresAt ?? Infinity);
    await this.db.deleteFrom('logins').where('expires_at', '<=', now).execute();
    const row = { hash: sha256(secret), key_id: key.id, created_at: now, expires_at: expiresAt };
    await this.db.insertInto('logins').values(row).execute();
    return { secret, expiresAt };
  }

  /** The key of whoever is logged in by this secret; undefined where nobody is, or the key counts no more. */
  async find(secret: string, now = Date.now()): Promise<(ApiKey & { loginEnds: number }) | undefined> {
    const row = await this.db
      .selectFrom('logins')
      .selectAll()
      .where('hash', '=', sha256(secret))
      .where('expires_at', '>', now)
      .executeTakeFirst();
    const key = row && (await this.keys.find(row.key_id, now));
    return key && { ...key, loginEnds: row.expires_at };
  }

  async end(secret: string): Promise<void> {
    await this.db.deleteFrom('logins').where('hash', '=', sha256(secret)).execute();
  }
}
