import { sql } from 'kysely';
import { reportTodo, nameOf, waitingOf, type Waiting } from '../../core/events/waiting.js';
import type { HandoffState } from '../../core/handoff.js';
import type { Subject } from '../../core/request.js';
import type { Db } from '../database.js';

/** One time that something waits for one of those whom it waits for. Times in milliseconds. */
export interface Told {
  subject: string;
  whom: string;
  mark: string;
  since: number;
  told: number;
  seenAt?: number;
}

const MOST = 10_000;

/** What waits for somebody among the handoffs, by the last records. */
export class WaitingHandoffs {
  constructor(private readonly db: Db) {}

  /** Of one handoff. */
  async of(handoffId: string, now = Date.now()): Promise<Waiting[]> {
    return parsed(await this.open().where('id', '=', handoffId).execute(), now);
  }

  /** All, or what an agent is a party to; with `incidents` all of those. */
  async all(for_?: { agent: string; incidents: boolean }, now = Date.now()): Promise<Waiting[]> {
    const offers = this.open().where('status', '=', sql.lit('awaiting_acceptance'));
    const incidents = this.open().where('shown', '=', 'incident');
    const agent = for_?.agent;
    const rows = [
      ...(await (agent === undefined ? offers : offers.where('target_agent', '=', agent)).limit(MOST).execute()),
      ...(await (for_ && !for_.incidents ? incidents.where('source_agent', '=', agent!) : incidents)
        .limit(MOST)
        .execute()),
    ];
    return parsed([...new Map(rows.map((r) => [r.id, r])).values()], now);
  }

  private open() {
    return this.db.selectFrom('handoffs').select(['id', 'snapshot']).where('closed_at', 'is', null);
  }
}

const parsed = (rows: { snapshot: string }[], now: number): Waiting[] =>
  rows.flatMap(({ snapshot }) => {
    const { subject, state } = JSON.parse(snapshot) as { subject: Subject; state?: HandoffState };
    return state ? waitingOf(subject, state, now) : [];
  });

/** What waits for somebody among the reports. */
export class WaitingReports {
  constructor(private readonly db: Db) {}

  /** Of one report; without an id of all. */
  async all(id?: string): Promise<Waiting[]> {
    const rows = await this.db
      .selectFrom('reports')
      .select(['id', 'status', 'version', 'waits_for', 'waits_words', 'waits_since'])
      .where('waits_for', 'is not', null)
      .$if(id !== undefined, (q) => q.where('id', '=', id!))
      .limit(MOST)
      .execute();
    return rows.map((r) => ({
      subject: `report/${r.id}`,
      whom: (r.waits_for ?? '').trim().split(' ').map(nameOf),
      mark: `v${r.version}@${r.waits_since ?? 0}`,
      since: r.waits_since ?? 0,
      words: r.waits_words ?? '',
      todo: reportTodo(r.id, r.status),
    }));
  }
}
