import { HandoffError, invalid } from '../../core/errors.js';
import { summaryOfReport } from '../../core/report/present.js';
import { historyPlaceSchema, parsedReport, reportFilterSchema } from '../../core/report/report-schema.js';
import type { ReportContent } from '../../core/report/report.js';
import type { HistoryPlace, ReportFilter, ReportHistory, ReportPage } from '../../core/report/view.js';
import { POLICY, type Permission } from '../../core/service/policy.js';
import { changesBetween } from '../../core/report/diff.js';
import { getContent } from '../../storage/reports/content.js';
import type { ReportQuery } from '../../storage/reports/reports.js';
import { readable, type ReportDeps } from './deps.js';

const PAGE = 50;
const HISTORY_PAGE = 200;

/** What an actor may see in lists, by the policy table: their own, what was handed in, or all. */
export function seenBy({ actor }: Pick<ReportDeps, 'actor'>): Pick<ReportQuery, 'seenBy' | 'ownedBy'> {
  const has = (p: Permission): boolean => p.roles.some((role) => actor.roles.includes(role));
  const fits = (POLICY['report.read'] as readonly Permission[]).filter((p) => !p.relation && has(p));
  if (fits.some((p) => !p.states)) return {};
  return fits.length > 0 ? { seenBy: actor.by } : { ownedBy: actor.by };
}

/** What a filter asks the database, for one page of what the actor may see. Throws INVALID_REPORT. */
export function queryOf(deps: Pick<ReportDeps, 'actor'>, given: ReportFilter): ReportQuery {
  const { pipeline_id, task_id, waits_for, limit = PAGE, cursor, ...filter } = parsedReport(reportFilterSchema, given);
  return {
    ...filter,
    ...seenBy(deps),
    pipeline: pipeline_id,
    task: task_id,
    waitsFor: waits_for,
    before: cursor === undefined ? undefined : placeOf(cursor),
    limit,
  };
}

/** Newest first. Throws INVALID_REPORT. */
export async function listReports(deps: ReportDeps, given: ReportFilter = {}): Promise<ReportPage> {
  const query = queryOf(deps, given);
  const { limit } = query;
  const found = await deps.storage.reports.list({ ...query, limit: limit + 1 });
  const now = Date.now();
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    reports: page.map(({ state, summary }) => summaryOfReport(state, summary, now)),
    ...(last && found.length > limit ? { next_cursor: cursorOf(last.state.createdAt, last.state.reportId) } : {}),
  };
}

const cursorOf = (createdAt: number, id: string): string => Buffer.from(`${createdAt} ${id}`).toString('base64url');

const noCursor = (): HandoffError =>
  invalid('INVALID_REPORT', [{ path: '/cursor', message: 'is not one that a page gave' }]);

function placeOf(cursor: string): { createdAt: number; id: string } {
  const [, at, id] = /^(\d{1,16}) (\S+)$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (at === undefined || id === undefined) throw noCursor();
  return { createdAt: Number(at), id };
}

const historyCursorOf = (seq: number): string => Buffer.from(`after ${seq}`).toString('base64url');

function seqOf(cursor: string): number {
  const [, seq] = /^after (\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (seq === undefined) throw noCursor();
  return Number(seq);
}

/** A page of what happened, oldest first, with what each version changed. Throws REPORT_NOT_FOUND, INVALID_REPORT. */
export async function historyOf(deps: ReportDeps, id: string, place: HistoryPlace = {}): Promise<ReportHistory> {
  const { limit = HISTORY_PAGE, cursor } = parsedReport(historyPlaceSchema, place);
  const after = cursor === undefined ? 0 : seqOf(cursor);
  await readable(deps, id);
  const { reports } = deps.storage;
  const [found, versions, previous] = await Promise.all([
    reports.changes(id, { after, limit: limit + 1 }),
    reports.versions(id),
    after > 0 ? reports.lastChange(id, after) : undefined,
  ]);
  const page = found.slice(0, limit);
  const next = found.length > limit ? page.at(-1) : undefined;
  const entries: ReportHistory['entries'] = [];
  // Of many versions only two at a time: each may be megabytes.
  let shown = previous && (await contentOf(deps, previous));
  for (const c of page) {
    const before = shown;
    if (shown?.version !== c.version) shown = await contentOf(deps, c);
    entries.push({
      seq: c.seq,
      at: new Date(c.at).toISOString(),
      by: c.by,
      act: c.act,
      status: c.status as ReportHistory['entries'][number]['status'],
      version: c.version,
      digest: c.digest,
      changes: before && before !== shown ? changesBetween(before.content, shown.content) : [],
      ...(c.note === null ? {} : { note: c.note }),
    });
  }
  const made = versions.filter((v) => v.number > (previous?.version ?? 0) && (!next || v.number <= next.version));
  return {
    report_id: id,
    versions: made.map((v) => ({ version: v.number, digest: v.digest, by: v.by, at: new Date(v.at).toISOString() })),
    entries,
    ...(next ? { next_cursor: historyCursorOf(next.seq) } : {}),
  };
}

const contentOf = async (
  { storage }: ReportDeps,
  { version, digest }: { version: number; digest: string },
): Promise<{ version: number; content: ReportContent }> => ({ version, content: await getContent(storage, digest) });

/** One version, the present one or an earlier one. Throws REPORT_NOT_FOUND. */
export async function versionOf(deps: ReportDeps, id: string, version: number): Promise<ReportContent> {
  await readable(deps, id);
  const there = (await deps.storage.reports.versions(id)).find((v) => v.number === version);
  if (!there) throw new HandoffError('REPORT_NOT_FOUND', { report: `${id} with a version ${version}` });
  return getContent(deps.storage, there.digest);
}
