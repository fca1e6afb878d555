import type { ReportDeps } from '../../src/client/reports/deps.js';
import { outlineOf } from '../../src/core/report/outline.js';
import { initialReport } from '../../src/core/report/reducer.js';
import {
  COMPONENT_TYPES,
  type Actor,
  type ComponentProgress,
  type ComponentType,
  type ReportContent,
  type ReportState,
} from '../../src/core/report/report.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import { putContent } from '../../src/storage/reports/content.js';
import { summaryTextOf } from '../../src/storage/reports/row.js';
import type { Storage } from '../../src/storage/storage.js';

const DONE: ComponentProgress = { status: 'completed', progress_percentage: 100 };

export function contentWith(
  over: Partial<ReportContent> = {},
  components: Partial<Record<ComponentType, ComponentProgress>> = {},
): ReportContent {
  return {
    pipeline_id: 's-1',
    task_id: 'h-1',
    work_summary: 'All eight components are written, tested and documented.',
    attachments: [],
    ...over,
    components: Object.fromEntries(
      COMPONENT_TYPES.map((c) => [c, components[c] ?? DONE]),
    ) as ReportContent['components'],
  };
}

/** Puts a report on record as its run would, in whatever state. */
export async function seed(
  storage: Storage,
  reportId: string,
  content: ReportContent,
  over: Partial<ReportState> = {},
  act = 'report.create',
): Promise<ReportState> {
  const version = { number: 1, ...(await putContent(storage, content)) };
  const { pipeline_id: pipelineId, task_id: taskId } = content;
  const subject = { reportId, author: '@author', pipelineId, taskId, terms: DEFAULT_SETTINGS.terms };
  const state = { ...initialReport({ ...subject, version, outline: outlineOf(content) }, Date.now()), ...over };
  await storage.reports.record({ state, change: { act, by: state.author } }, summaryTextOf(content));
  return state;
}

/** What views need; nothing in them talks to Temporal. */
export const depsOf = (storage: Storage, actor: Actor): ReportDeps => ({
  caller: undefined as never,
  storage,
  actor,
  ...DEFAULT_SETTINGS,
});
