import { COMPONENT_TYPES, SIGN_OFF_ROLES, type ReportContent, type ReportState } from '../../src/core/report/report.js';
import { changeOf } from '../../src/core/report/change.js';
import { contentFrom } from '../../src/core/report/content.js';
import { outlineOf } from '../../src/core/report/outline.js';
import { initialReport, reduceReport, type ReportEvent } from '../../src/core/report/reducer.js';
import type { RecordReportTask } from '../../src/core/report/task.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import { putContent } from '../../src/storage/reports/content.js';
import { recordChange } from '../../src/storage/reports/record.js';
import { summaryTextOf } from '../../src/storage/reports/row.js';
import type { Storage } from '../../src/storage/storage.js';
import { SOURCE, TARGET } from '../place.js';

const MINUTE = 60_000;
/** Reports whose changes are one transaction: they are stored, not measured. */
const TOGETHER = 200;

/** What every report is about. */
export interface About {
  pipeline_id: string;
  task_id: string;
}

export const idOf = (i: number): string => `stored-${String(i).padStart(5, '0')}`;

/** The content of the report number `i`: none has the same, a tenth of them is five times as long. */
export function contentOf(about: About, i: number): ReportContent {
  const texts = (what: string, n: number): string[] =>
    Array.from(
      { length: n * (i % 10 === 0 ? 5 : 1) },
      (_, k) => `${what} ${k + 1} of ${i}: done, tested and described`,
    );
  return contentFrom({
    ...about,
    work_summary: `Report ${i}: all eight components are written, tested and described as it was agreed upon.`,
    achievements: texts('Achievement', 5),
    lessons_learned: texts('Lesson', 3),
    tests_written: texts('Test', 10),
    test_coverage_percentage: 60 + (i % 40),
    components: Object.fromEntries(
      COMPONENT_TYPES.map((type, k) => {
        const isOpen = i % 10 < 2 && (i + k) % 3 === 0;
        return [type, { status: isOpen ? 'in_progress' : 'completed', progress_percentage: isOpen ? i % 100 : 100 }];
      }),
    ),
  });
}

/** What happened to it: two in ten are drafts, five wait for a review, one for amendments, two are approved, one of them signed off. */
function eventsOf(i: number, began: number): ReportEvent[] {
  const kind = i % 10;
  const at = (n: number): { now: number } => ({ now: began + n * 7 * MINUTE });
  const handedIn: ReportEvent[] = [
    { type: 'submitted', by: SOURCE, ...at(1) },
    { type: 'validated', findings: [], facts: [], ...at(1) },
  ];
  const reviewed = (status: 'approved' | 'amendments_required'): ReportEvent => ({
    type: 'reviewed',
    by: TARGET,
    status,
    comments: 'Looked at all of it',
    qualityScore: 0.5 + (i % 50) / 100,
    ...at(2 + (i % 90)),
  });
  if (kind < 2) return [];
  if (kind < 7) return handedIn;
  if (kind < 8) return [...handedIn, reviewed('amendments_required')];
  const signed = SIGN_OFF_ROLES.slice(0, kind === 8 ? 1 : 3).map((role, k): ReportEvent => {
    const said = { type: 'signed_off', role, status: 'approved', comments: 'fine' } as const;
    return { ...said, by: `@${role}`, ...at(100 + k) };
  });
  return [...handedIn, reviewed('approved'), ...signed];
}

/** Every change of one report, as its run would have put it on record. */
function changesOf(state: ReportState, events: readonly ReportEvent[]): RecordReportTask[] {
  const tasks: RecordReportTask[] = [{ state, change: { act: 'report.create', by: state.author } }];
  let before = state;
  for (const event of events) {
    const after = reduceReport(before, event);
    tasks.push({ state: after, change: changeOf(event, after) });
    before = after;
  }
  return tasks;
}

/** A draft that is not on record yet, its content in the store. */
export async function draft(
  storage: Storage,
  reportId: string,
  content: ReportContent,
  now: number,
): Promise<ReportState> {
  const version = { number: 1, ...(await putContent(storage, content)) };
  const { pipeline_id: pipelineId, task_id: taskId } = content;
  const facts = { reportId, author: SOURCE, pipelineId, taskId, terms: DEFAULT_SETTINGS.terms };
  return initialReport({ ...facts, version, outline: outlineOf(content) }, now);
}

/** Stores so many reports of the last six days with all that happened to them: content, projection, versions, events, audit log. */
export async function storeReports(storage: Storage, about: About, count: number): Promise<void> {
  const first = Date.now() - 6 * 24 * 60 * MINUTE;
  const gap = (5 * 24 * 60 * MINUTE) / count;
  for (let from = 0; from < count; from += TOGETHER) {
    const numbers = Array.from({ length: Math.min(TOGETHER, count - from) }, (_, k) => from + k);
    const made = await Promise.all(
      numbers.map(async (i) => {
        const content = contentOf(about, i);
        const began = first + i * gap;
        const state = await draft(storage, idOf(i), content, began);
        return { summary: summaryTextOf(content), changes: changesOf(state, eventsOf(i, began)) };
      }),
    );
    await storage.db.transaction().execute(async (trx) => {
      for (const { summary, changes } of made) for (const change of changes) await recordChange(trx, change, summary);
    });
  }
  await storage.audit.ensureAnchored();
}
