import { sql, type Selectable } from 'kysely';
import type { ReportState, ReportStatus } from '../../core/report/report.js';
import type { RecordReportTask } from '../../core/report/task.js';
import type { Db } from '../database.js';
import { recordChange, writeRow } from './record.js';
import type { ReportChangeTable, ReportTable, ReportVersionTable } from './tables.js';

/** What the database knows of a report. */
export interface StoredReport {
  state: ReportState;
  /** The first 200 characters of its work summary. */
  summary: string;
}

export interface ReportQuery {
  status?: ReportStatus | undefined;
  author?: string | undefined;
  pipeline?: string | undefined;
  task?: string | undefined;
  waitsFor?: string | undefined;
  /** Older than this one. */
  before?: { createdAt: number; id: string } | undefined;
  /** Only those of this author, or in another status than `draft`. */
  seenBy?: string | undefined;
  /** Only those of this author. */
  ownedBy?: string | undefined;
  limit: number;
}

const storedOf = (r: Pick<Selectable<ReportTable>, 'state' | 'summary'>): StoredReport => ({
  state: JSON.parse(r.state) as ReportState,
  summary: r.summary,
});

/** The projection of all reports, their versions, and what happened to them. */
export class StoredReports {
  constructor(private readonly db: Db) {}

  /** Puts one change on record, exactly once. */
  async record(task: RecordReportTask, summary: string): Promise<void> {
    await this.db.transaction().execute((trx) => recordChange(trx, task, summary));
  }

  /** Writes a projection anew, and tells nobody. Returns false where a later change is on record. */
  async rebuild(state: ReportState, summary: string): Promise<boolean> {
    const { reportId: report, seq, version } = state;
    const { number, digest, size } = version;
    return this.db.transaction().execute(async (trx) => {
      const later = await trx
        .selectFrom('report_changes')
        .select('seq')
        .where('report', '=', report)
        .where('seq', '>', seq)
        .executeTakeFirst();
      if (later) return false;
      await trx.deleteFrom('reports').where('id', '=', report).execute();
      await writeRow(trx, state, summary);
      await trx
        .insertInto('report_versions')
        .values({ report, number, digest, size, by: state.author, at: state.updatedAt })
        .onConflict((c) => c.columns(['report', 'number']).doNothing())
        .execute();
      return true;
    });
  }

  async find(id: string): Promise<StoredReport | undefined> {
    const row = await this.db
      .selectFrom('reports')
      .select(['state', 'summary'])
      .where('id', '=', id)
      .executeTakeFirst();
    return row && storedOf(row);
  }

  /** Newest first. */
  async list(query: ReportQuery): Promise<StoredReport[]> {
    const { status, author, pipeline, task, waitsFor, before, seenBy, ownedBy, limit } = query;
    let q = this.db.selectFrom('reports').select(['state', 'summary']);
    if (status !== undefined) q = q.where('status', '=', status);
    if (author !== undefined) q = q.where('author', '=', author);
    if (pipeline !== undefined) q = q.where('pipeline', '=', pipeline);
    if (task !== undefined) q = q.where('task', '=', task);
    if (ownedBy !== undefined) q = q.where('author', '=', ownedBy);
    if (waitsFor !== undefined) q = q.where(sql<boolean>`instr(waits_for, ${` ${waitsFor} `}) > 0`);
    if (seenBy !== undefined) q = q.where((e) => e.or([e('author', '=', seenBy), e('status', '!=', 'draft')]));
    if (before)
      q = q.where((e) =>
        e.or([
          e('created_at', '<', before.createdAt),
          e.and([e('created_at', '=', before.createdAt), e('id', '<', before.id)]),
        ]),
      );
    const rows = await q.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
    return rows.map(storedOf);
  }

  /** What happened after a change, oldest first. */
  changes(id: string, { after, limit }: { after: number; limit: number }): Promise<Selectable<ReportChangeTable>[]> {
    return this.changesOf(id).where('seq', '>', after).orderBy('seq').limit(limit).execute();
  }

  /** The last of the changes up to that one. */
  lastChange(id: string, upTo: number): Promise<Selectable<ReportChangeTable> | undefined> {
    return this.changesOf(id).where('seq', '<=', upTo).orderBy('seq', 'desc').limit(1).executeTakeFirst();
  }

  private changesOf(id: string) {
    return this.db.selectFrom('report_changes').selectAll().where('report', '=', id);
  }

  /** Every version, the first one first. */
  versions(id: string): Promise<Selectable<ReportVersionTable>[]> {
    return this.db.selectFrom('report_versions').selectAll().where('report', '=', id).orderBy('number').execute();
  }
}
