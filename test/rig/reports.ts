import type { Client, WorkflowHandle } from '@temporalio/client';
import { LocalReports } from '../../src/client/reports/reports.js';
import type { CreateReport } from '../../src/client/reports/port.js';
import { REPORT_TYPE, reportWorkflowIdOf } from '../../src/core/report/ids.js';
import { COMPONENT_TYPES, type Actor, type ReportTerms } from '../../src/core/report/report.js';
import { quoted } from '../../src/core/search-keys.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import type { ReportView } from '../../src/core/report/view.js';
import type { Storage } from '../../src/storage/storage.js';
import type { TestRun } from './replay.js';

/** Those who act in tests. */
export const AUTHOR: Actor = { by: '@code-architect', roles: ['agent'] };
export const REVIEWER: Actor = { by: '@reviewer', roles: ['agent', 'reviewer'] };
export const ADMIN: Actor = { by: '@admin', roles: ['admin'] };
export const DEVELOPER: Actor = { by: '@dev', roles: ['agent', 'developer'] };
export const LEAD: Actor = { by: '@lead', roles: ['agent', 'tech_lead'] };
export const TESTER: Actor = { by: '@qa', roles: ['agent', 'qa_engineer'] };

/** Who has nothing to do with it. */
export const OTHER: Actor = { by: '@other', roles: ['agent'] };

export const APPROVED = { review_status: 'approved', review_comments: 'All as it should be' } as const;
export const SUMMARY = 'All eight components are written, tested and documented as the contract says.';
const DONE = { status: 'completed', progress_percentage: 100 } as const;
/** What a report needs to be handed in. */
export const COMPLETE: Pick<CreateReport, 'work_summary' | 'components'> = {
  work_summary: SUMMARY,
  components: Object.fromEntries(COMPONENT_TYPES.map((type) => [type, DONE])),
};

/** The reports of a test: made, and at its end replayed, every run of each. */
export class RigReports {
  readonly begun = new Set<string>();
  private about: Promise<{ pipeline_id: string; task_id: string }> | undefined;

  constructor(
    private readonly temporal: Client,
    private readonly storage: Storage,
    private readonly taskQueue: string,
    private readonly handOver: () => Promise<{ pipeline_id: string; task_id: string }>,
  ) {}

  as(actor: Actor, terms: Partial<ReportTerms> = {}, deadlineMs = 10_000): LocalReports {
    return new LocalReports({
      caller: { temporal: this.temporal, taskQueue: this.taskQueue, deadlineMs },
      storage: this.storage,
      actor,
      ...DEFAULT_SETTINGS,
      terms: { ...DEFAULT_SETTINGS.terms, ...terms },
    });
  }

  /** A handoff of the author that a report can be about; one for all. */
  task(): Promise<{ pipeline_id: string; task_id: string }> {
    this.about ??= this.handOver();
    return this.about;
  }

  /** A draft of the author, complete unless told otherwise. */
  async create(over: Partial<CreateReport> = {}, terms: Partial<ReportTerms> = {}): Promise<ReportView> {
    const about = over.task_id === undefined ? await this.task() : undefined;
    const report = await this.as(AUTHOR, terms).create({ ...about, ...COMPLETE, ...over } as CreateReport);
    this.begun.add(report.report_id);
    return report;
  }

  handle(id: string, runId?: string): WorkflowHandle {
    return this.temporal.workflow.getHandle(reportWorkflowIdOf(id), runId);
  }

  /** Every run of a report, the last one first. */
  async runs(id: string): Promise<string[]> {
    const runs = [];
    for await (const { runId } of this.temporal.workflow.list({
      query: `WorkflowId = ${quoted(reportWorkflowIdOf(id))} AND WorkflowType = '${REPORT_TYPE}'`,
    }))
      runs.push(runId);
    return runs;
  }

  /** For the replay at the end of a test: every run of each. */
  async *histories(): AsyncGenerator<TestRun> {
    for (const id of this.begun) {
      // The time-skipping server can list nothing.
      const runs = await this.runs(id).catch(() => []);
      const { runId } = await this.handle(id).describe();
      for (const run of new Set([...runs, runId]))
        yield { workflowId: reportWorkflowIdOf(id), history: await this.handle(id, run).fetchHistory() };
    }
  }

  /** Reports stay open for ever; at the end of a test they are terminated. */
  async terminate(): Promise<void> {
    for (const id of this.begun) {
      const { status } = await this.handle(id).describe();
      if (status.name === 'RUNNING') await this.handle(id).terminate('end of test');
    }
  }
}
