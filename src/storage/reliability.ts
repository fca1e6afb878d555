import { hostname } from 'node:os';
import type { Selectable } from 'kysely';
import { HandoffError } from '../core/errors.js';
import type { ReliabilityDetail, ReliabilityReport } from '../core/reliability/report.js';
import type { Db } from './database.js';
import type { ReliabilityTable } from './tables/reliability.js';

export interface ReliabilityFilter {
  configuration?: string;
  status?: ReliabilityReport['status'];
  /** Default 50. */
  limit?: number;
}

/** How long a test may be silent before it is told as gone, milliseconds: it writes every second. */
const SILENT_MS = 60_000;

/** The reliability tests that were run from this place. */
export class ReliabilityTests {
  constructor(private readonly db: Db) {}

  async begin(report: ReliabilityReport, pid = process.pid): Promise<void> {
    const now = Date.now();
    await this.db
      .insertInto('reliability_tests')
      .values({
        id: report.testId,
        configuration: report.configuration.id,
        status: report.status,
        pid,
        host: hostname(),
        report: JSON.stringify(report),
        detail: null,
        stop_asked: 0,
        started_at: now,
        beat_at: now,
      })
      .onConflict((c) => c.column('id').doUpdateSet({ pid, beat_at: now, report: JSON.stringify(report) }))
      .execute();
  }

  /** Writes how far a test is; `detail` with its last report. Returns whether somebody has asked it to stop. */
  async write(report: ReliabilityReport, detail?: ReliabilityDetail): Promise<boolean> {
    const row = await this.db
      .updateTable('reliability_tests')
      .set({
        status: report.status,
        report: JSON.stringify(report),
        beat_at: Date.now(),
        ...(detail ? { detail: JSON.stringify(detail) } : {}),
      })
      .where('id', '=', report.testId)
      .returning('stop_asked')
      .executeTakeFirst();
    return row?.stop_asked === 1;
  }

  /** Asks a test to stop; it does so within a second or two. Throws RELIABILITY_TEST_NOT_FOUND. */
  async stop(id: string): Promise<ReliabilityReport> {
    const { report } = await this.get(id);
    if (report.status === 'running') {
      await this.db.updateTable('reliability_tests').set({ stop_asked: 1 }).where('id', '=', report.testId).execute();
    }
    return report;
  }

  /** By its id, or the beginning of it where only one fits. Throws RELIABILITY_TEST_NOT_FOUND. */
  async get(id: string): Promise<{ report: ReliabilityReport; detail?: ReliabilityDetail }> {
    const rows = await this.db
      .selectFrom('reliability_tests')
      .selectAll()
      .where((e) => e.or([e('id', '=', id), e(e.fn<string>('substr', ['id', e.val(1), e.val(id.length)]), '=', id)]))
      .limit(20)
      .execute();
    const found = rows.find((r) => r.id === id) ?? (rows.length === 1 && id !== '' ? rows[0] : undefined);
    if (!found) {
      const several =
        rows.length > 1 && id !== '' ? `It fits several: ${rows.map((r) => r.id).join(', ')}.` : undefined;
      throw new HandoffError('RELIABILITY_TEST_NOT_FOUND', { test: id, several });
    }
    return {
      report: reportOf(found),
      ...(found.detail === null ? {} : { detail: JSON.parse(found.detail) as ReliabilityDetail }),
    };
  }

  /** Newest first. */
  async list({ configuration, status, limit = 50 }: ReliabilityFilter = {}): Promise<ReliabilityReport[]> {
    let q = this.db.selectFrom('reliability_tests').selectAll();
    if (configuration) q = q.where('configuration', '=', configuration);
    const rows = await q.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(10_000).execute();
    // Whether one that says `running` still does is known only here.
    return rows
      .map(reportOf)
      .filter((r) => !status || r.status === status)
      .slice(0, limit);
  }
}

/** The report; of a test whose process is gone, that it is. */
function reportOf(row: Selectable<ReliabilityTable>): ReliabilityReport {
  const report = JSON.parse(row.report) as ReliabilityReport;
  if (report.status !== 'running') return report;
  const silent = Date.now() - row.beat_at;
  const gone = row.host === hostname() && !isThere(row.pid);
  if (!gone && silent < SILENT_MS) return report;
  const why = gone
    ? `The process of the test (${row.pid}) ended without a report.`
    : `The process of the test (${row.pid} on ${row.host}) has said nothing for ${Math.round(silent / 1000)} s.`;
  return { ...report, status: 'failed', reasons: [...report.reasons, why] };
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
