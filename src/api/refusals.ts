import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HandoffError } from '../core/errors.js';
import { appendAudit } from '../storage/audit/log.js';
import type { Storage } from '../storage/storage.js';

/** One row of the log stands for what was refused to one in the same way for so long, milliseconds. */
const WINDOW_MS = 60_000;
/** Rows a window, whoever is refused: many addresses must not fill the log. What is beyond goes to one row. */
const ROWS = 100;

interface Row {
  actor: string;
  act: string;
  subject: string;
  from: string;
  code: string;
  why: string;
}

interface Window {
  since: number;
  /** Refusals since the row was written. */
  more: number;
  row: Row;
}

/** Puts refusals on record: the first at once, its repetitions as a count, not a row for each request that hammers. */
class Refusals {
  private readonly windows = new Map<string, Window>();
  /** Rows are written one after the other, and nobody waits for them. */
  private last: Promise<unknown> = Promise.resolve();
  constructor(private readonly storage: Storage) {}

  note(row: Row, now = Date.now()): void {
    this.sweep(now - WINDOW_MS, now);
    const own = `${row.actor}|${row.from}|${row.act}`;
    const key = this.windows.has(own) || this.windows.size < ROWS ? own : 'others';
    const window = this.windows.get(key);
    if (window) {
      window.more++;
      return;
    }
    this.windows.set(key, { since: now, more: 0, row });
    this.write(row, 0, now);
  }

  /** Ends windows that began before a time; what was only counted in them becomes a row. */
  private sweep(before: number, now: number): void {
    for (const [key, { since, more, row }] of this.windows) {
      if (since > before) continue;
      this.windows.delete(key);
      if (more > 0) this.write(row, more, now);
    }
  }

  private write({ actor, act, subject, from, code, why }: Row, repeated: number, at: number): void {
    const data = { code, ...(why ? { why } : {}), ...(repeated ? { repeated } : {}) };
    const entry = { at, actor, act, subject, outcome: 'refused', from, data } as const;
    this.last = this.last
      .then(() => this.storage.db.transaction().execute((trx) => appendAudit(trx, entry)))
      .catch(() => {});
  }

  /** Writes what is only counted yet, and waits until all rows are there. */
  async settle(): Promise<void> {
    this.sweep(Infinity, Date.now());
    await this.last;
  }
}

const OF = Symbol('handoff.refusals');
type WithRefusals = FastifyInstance & { [OF]?: Refusals };

/** From here on refusals of this application are put on record. */
export function recordRefusals(app: FastifyInstance, storage: Storage): void {
  const refusals = new Refusals(storage);
  app.decorate(OF, refusals);
  app.addHook('onClose', () => refusals.settle());
}

/** Puts a 401 or 403 on record, as far as it is not one of many. */
export function noteRefusal(error: HandoffError, request: FastifyRequest): void {
  if (error.http !== 401 && error.http !== 403) return;
  const { url = 'nowhere', config } = request.routeOptions;
  const { why } = error.params;
  (request.server as WithRefusals)[OF]?.note({
    actor: request.actor?.by ?? 'anonymous',
    act: config.spec?.act ?? `${request.method} ${url}`,
    subject: request.url.split('?', 1)[0]!.slice(0, 200),
    from: request.ip,
    code: error.code,
    why: typeof why === 'string' ? why : '',
  });
}
