import { setImmediate as breathe } from 'node:timers/promises';
import type { AuditFilter, AuditReport, AuditRow, SignedHead } from '../../core/audit/entry.js';
import type { Db } from '../database.js';
import { anchorDue, type Anchoring, type AuditPlaces } from './anchor.js';
import { FIRST_LINK } from './chain.js';
import { publicPem, readOrMakeKey, signed } from './key.js';
import { verifyAudit } from './verify.js';

/** Rows that are read at a time. */
const BATCH = 1000;

export interface AuditPage {
  /** Newest first. */
  rows: AuditRow[];
  /** Give it as `before` for the next page; absent on the last. */
  next?: number;
}

/** The audit log, read and proven. What is written into it, `appendAudit` writes with the change that it tells of. */
export class AuditTrail {
  private anchoring: Promise<Anchoring> | undefined;
  private anchoredTo = 0;

  constructor(
    private readonly db: Db,
    readonly places: AuditPlaces,
  ) {}

  /**
   * Signs and writes the anchors that are due; cheap where none is. Called after the commit of what may have added rows,
   * when a process starts, and now and then. It refuses, and says why, where the log does not fit its anchors any more.
   */
  async ensureAnchored(): Promise<Anchoring> {
    this.anchoring ??= anchorDue(this.db, this.places, this.anchoredTo).finally(() => (this.anchoring = undefined));
    const done = await this.anchoring;
    if (done.refused === undefined) this.anchoredTo = done.anchoredTo;
    return done;
  }

  /** Newest first. `limit`: default 100. */
  async list(
    filter: AuditFilter = {},
    { before, limit = 100 }: { before?: number; limit?: number } = {},
  ): Promise<AuditPage> {
    let query = this.filtered(filter)
      .orderBy('seq', 'desc')
      .limit(limit + 1);
    if (before !== undefined) query = query.where('seq', '<', before);
    const rows = await query.execute();
    const page = rows.slice(0, limit);
    return { rows: page, ...(rows.length > limit ? { next: page.at(-1)!.seq } : {}) };
  }

  /** Oldest first, in batches, up to a row. */
  async *rows(filter: AuditFilter = {}, upTo?: number): AsyncGenerator<AuditRow> {
    for (let after = 0; ;) {
      let query = this.filtered(filter).where('seq', '>', after).orderBy('seq').limit(BATCH);
      if (upTo !== undefined) query = query.where('seq', '<=', upTo);
      const rows = await query.execute();
      yield* rows;
      if (rows.length < BATCH) return;
      after = rows.at(-1)!.seq;
      // The database answers in one turn of the loop: others get theirs between two batches.
      await breathe();
    }
  }

  /** The newest row, signed. The key is made where there is none. Throws AUDIT_KEY_INVALID. */
  async signedHead(now = Date.now()): Promise<SignedHead> {
    const last = await this.db
      .selectFrom('audit')
      .select(['seq', 'hash'])
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    const { seq, hash } = last ?? FIRST_LINK;
    const key = await readOrMakeKey(this.places.key);
    return signed(
      { kind: 'head' as const, seq, hash, at: now, key: key.id, public_key: publicPem(key) },
      key,
      this.places.key,
    );
  }

  /** Whether every row is as it was written, and every anchor. Other places: such as a copy of the anchors elsewhere. */
  verify(places: { key?: string; anchors?: string } = {}): Promise<AuditReport> {
    return verifyAudit(this.db, { ...this.places, ...places });
  }

  private filtered({ subject, actor, act, outcome, since, until }: AuditFilter) {
    let query = this.db.selectFrom('audit').selectAll();
    if (subject !== undefined) query = query.where('subject', '=', subject);
    if (actor !== undefined) query = query.where('actor', '=', actor);
    if (act !== undefined) query = query.where('act', '=', act);
    if (outcome !== undefined) query = query.where('outcome', '=', outcome);
    if (since !== undefined) query = query.where('at', '>=', since);
    if (until !== undefined) query = query.where('at', '<', until);
    return query;
  }
}

/**
 * Anchors now, and again every `everyMs`, until the answer is called, which waits for what is under way. What goes wrong
 * is told once.
 */
export function keepAnchored(audit: AuditTrail, tell: (why: string) => void, everyMs = 1000): () => Promise<void> {
  let told: string | undefined;
  let ticking = Promise.resolve();
  const tick = async (): Promise<void> => {
    const why = await audit.ensureAnchored().then(
      ({ refused }) => refused,
      (error: Error) => error.message,
    );
    if (why !== undefined && why !== told) {
      tell(`The audit log is not anchored any more: ${why}. \`handoff audit verify\` says more.`);
    }
    told = why;
  };
  const go = (): void => void (ticking = ticking.then(tick));
  go();
  const timer = setInterval(go, everyMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await ticking;
  };
}
