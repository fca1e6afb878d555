import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { Selectable } from 'kysely';
import { EVENT_TYPES, isEventType, type EventType, type StoredEvent } from '../../core/events/event.js';
import { HandoffError, invalid, type Issue } from '../../core/errors.js';
import type { Db } from '../database.js';
import type { DeadLetterTable, WebhookTable } from '../tables/events.js';
import { isWithin } from './addresses.js';
import { Outbox } from './outbox.js';

/** Who is told of events by HTTP; the secret is shown once, when it is made. Times in milliseconds. */
export interface Webhook {
  id: string;
  url: string;
  /** Empty: all. */
  types: EventType[];
  owner: string;
  active: boolean;
  /** Why it is not active, where nobody said so. */
  disabledBecause?: string;
  /** All events up to here are delivered, or dead letters. */
  cursor: number;
  /** Failed attempts at the next event. */
  attempts: number;
  /** When the next attempt is due, where one failed. */
  nextAt?: number;
  lastStatus?: number;
  lastError?: string;
  lastAt?: number;
  createdAt: number;
}

export interface DeadLetter {
  id: number;
  webhook: string;
  event: StoredEvent;
  attempts: number;
  error: string;
  diedAt: number;
  /** It is to be sent once more. */
  again: boolean;
}

export interface NewWebhook {
  url: string;
  types?: readonly string[];
  active?: boolean;
  /** Begins after this cursor; default: with what comes from now on. */
  cursor?: number;
}

const webhookOf = (r: Selectable<WebhookTable>): Webhook => ({
  id: r.id,
  url: r.url,
  types: JSON.parse(r.types) as EventType[],
  owner: r.owner,
  active: r.active === 1,
  cursor: r.cursor,
  attempts: r.attempts,
  createdAt: r.created_at,
  ...(r.disabled_because === null ? {} : { disabledBecause: r.disabled_because }),
  ...(r.attempts === 0 ? {} : { nextAt: r.next_at }),
  ...(r.last_status === null ? {} : { lastStatus: r.last_status }),
  ...(r.last_error === null ? {} : { lastError: r.last_error }),
  ...(r.last_at === null ? {} : { lastAt: r.last_at }),
});

const letterOf = (r: Selectable<DeadLetterTable>): DeadLetter => ({
  id: r.id,
  webhook: r.webhook,
  event: JSON.parse(r.event) as StoredEvent,
  attempts: r.attempts,
  error: r.error,
  diedAt: r.died_at,
  again: r.again === 1,
});

/** Subscriptions, and what could not be delivered to them. */
export class Webhooks {
  constructor(private readonly db: Db) {}

  /** Throws INVALID_WEBHOOK with every fault, EVENTS_GONE. `allowPrivate`: addresses within this machine and its networks too. */
  async create(
    given: NewWebhook,
    owner: string,
    allowPrivate: boolean,
    now = Date.now(),
  ): Promise<{ webhook: Webhook; secret: string }> {
    checked([...urlFaults(given.url, allowPrivate), ...typeFaults(given.types)]);
    const outbox = new Outbox(this.db);
    if (given.cursor !== undefined) await outbox.checkCursor(given.cursor);
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const row = {
      id: `wh_${randomBytes(8).toString('hex')}`,
      url: new URL(given.url).href,
      types: JSON.stringify([...new Set(given.types ?? [])]),
      secret,
      owner,
      active: given.active === false ? 0 : 1,
      disabled_because: null,
      cursor: given.cursor ?? (await outbox.last()),
      attempts: 0,
      next_at: 0,
      last_status: null,
      last_error: null,
      last_at: null,
      lease: null,
      lease_until: 0,
      created_at: now,
    };
    await this.db.insertInto('webhooks').values(row).execute();
    return { webhook: webhookOf(row), secret };
  }

  async list(): Promise<Webhook[]> {
    return (await this.db.selectFrom('webhooks').selectAll().orderBy('created_at').orderBy('id').execute()).map(
      webhookOf,
    );
  }

  /** Throws WEBHOOK_NOT_FOUND. */
  async get(id: string): Promise<Webhook> {
    const row = await this.db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw new HandoffError('WEBHOOK_NOT_FOUND', { webhook: id });
    return webhookOf(row);
  }

  /** Throws WEBHOOK_NOT_FOUND, INVALID_WEBHOOK. One that is made active again tries at once, where it had stopped. */
  async change(
    id: string,
    given: Pick<Partial<NewWebhook>, 'url' | 'types' | 'active'>,
    allowPrivate: boolean,
  ): Promise<Webhook> {
    checked([...(given.url === undefined ? [] : urlFaults(given.url, allowPrivate)), ...typeFaults(given.types)]);
    await this.get(id);
    const { url, types, active } = given;
    // SQL has no update of nothing.
    if (url === undefined && types === undefined && active === undefined) return this.get(id);
    await this.db
      .updateTable('webhooks')
      .set({
        ...(url === undefined ? {} : { url: new URL(url).href, attempts: 0, next_at: 0 }),
        ...(types === undefined ? {} : { types: JSON.stringify([...new Set(types)]) }),
        ...(active === undefined ? {} : { active: active ? 1 : 0, disabled_because: null, attempts: 0, next_at: 0 }),
      })
      .where('id', '=', id)
      .execute();
    return this.get(id);
  }

  /** With its dead letters, in the transaction of its caller. Throws WEBHOOK_NOT_FOUND. */
  async remove(id: string): Promise<void> {
    await this.get(id);
    await this.db.deleteFrom('dead_letters').where('webhook', '=', id).execute();
    await this.db.deleteFrom('webhooks').where('id', '=', id).execute();
  }

  /** What could not be delivered, oldest first. Throws WEBHOOK_NOT_FOUND. */
  async deadLetters(id: string, limit = 100): Promise<DeadLetter[]> {
    await this.get(id);
    const rows = await this.db
      .selectFrom('dead_letters')
      .selectAll()
      .where('webhook', '=', id)
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map(letterOf);
  }

  /**
   * Sends again: all after a cursor, in their order, or without one each dead letter (or those named) once. Says how many
   * letters it is. Throws WEBHOOK_NOT_FOUND, EVENTS_GONE.
   */
  async replay(
    id: string,
    { cursor, letters }: { cursor?: number | undefined; letters?: readonly number[] | undefined },
  ): Promise<number> {
    await this.get(id);
    if (cursor !== undefined) {
      await new Outbox(this.db).checkCursor(cursor);
      // A delivery that is under way must not set it forward again.
      const from = { cursor, attempts: 0, next_at: 0, lease: null, lease_until: 0 };
      await this.db.updateTable('webhooks').set(from).where('id', '=', id).execute();
      return 0;
    }
    const { numUpdatedRows } = await this.db
      .updateTable('dead_letters')
      .set({ again: 1 })
      .where('webhook', '=', id)
      .$if(letters !== undefined, (q) => q.where('id', 'in', [...letters!]))
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }
}

function checked(faults: Issue[]): void {
  if (faults.length > 0) throw invalid('INVALID_WEBHOOK', faults);
}

const URL_LENGTH = 2000;

/** Names are looked at again when they are resolved: what is refused here is refused early, not only here. */
function urlFaults(text: string, allowPrivate: boolean): Issue[] {
  const fault = (message: string): Issue[] => [{ path: '/url', message }];
  if (text.length > URL_LENGTH) return fault(`must not be longer than ${URL_LENGTH} characters`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return fault('is not a URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return fault('must begin with http:// or https://');
  if (url.username || url.password) return fault('must not have a user name or password in it');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isLocal = host === 'localhost' || host.endsWith('.localhost') || (isIP(host) !== 0 && isWithin(host));
  return isLocal && !allowPrivate ? fault('is an address within this machine or its networks') : [];
}

function typeFaults(types: readonly string[] = []): Issue[] {
  return types.flatMap((type, i) =>
    isEventType(type) ? [] : [{ path: `/types/${i}`, message: `is none of ${EVENT_TYPES.join(', ')}` }],
  );
}
