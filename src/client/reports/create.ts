import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { SearchAttributeType, TypedSearchAttributes, defineSearchAttributeKey } from '@temporalio/common';
import { digestOf } from '../../core/digest.js';
import { HandoffError, invalid, type Issue } from '../../core/errors.js';
import { contentFrom } from '../../core/report/content.js';
import { REPORT_TYPE, reportWorkflowIdOf } from '../../core/report/ids.js';
import { outlineOf } from '../../core/report/outline.js';
import { createReportSchema, parsedReport } from '../../core/report/report-schema.js';
import type { ReportContent, VersionRef } from '../../core/report/report.js';
import type { ReportView } from '../../core/report/view.js';
import { SEARCH_KEYS } from '../../core/search-keys.js';
import { ACT_WORDS, refuseAct } from '../../core/service/policy.js';
import { recordedReportUpdate, type ReportAnswer, type ReportInput } from '../../messages/report.js';
import { putContent } from '../../storage/reports/content.js';
import { knowsSession } from '../../storage/reports/known.js';
import { isDeadline, withDeadline } from '../calls.js';
import { viewOf, type ReportDeps } from './deps.js';
import type { CreateReport, WriteOptions } from './port.js';
import { late } from './send.js';

/**
 * Begins a report as a draft. The same id with the same content again is the same report. Throws INVALID_REPORT,
 * FORBIDDEN, REPORT_EXISTS.
 */
export async function createReport(
  deps: ReportDeps,
  given: CreateReport,
  { idempotencyKey: key }: WriteOptions = {},
): Promise<ReportView> {
  const { actor, storage } = deps;
  const { report_id, ...rest } = parsedReport(createReportSchema, given);
  const content = contentFrom(rest);
  const keyed = key === undefined ? randomUUID() : digestOf([actor.by, key]).slice(0, 32);
  const reportId = report_id ?? `rp-${keyed}`;
  await checkAbout(deps, content);
  const version = digestOf(content);
  const there = await sameAs(deps, reportId, version);
  if (there) return there;
  const input: ReportInput = {
    reportId,
    author: actor.by,
    pipelineId: content.pipeline_id,
    taskId: content.task_id,
    terms: deps.terms,
    version: { number: 1, ...(await putContent(storage, content)) },
    outline: outlineOf(content),
  };
  const { state } = await launch(deps, input);
  const made = await sameAs(deps, reportId, version);
  if (made) return made;
  // A database that was put back may not know it yet; whose it is, its run does.
  if (state.author !== actor.by) throw new HandoffError('REPORT_EXISTS', { report: reportId });
  return viewOf(deps, state);
}

/** A report is about a handoff that its author is a party of; of any other they learn nothing. */
async function checkAbout({ storage, actor }: ReportDeps, { pipeline_id, task_id }: ReportContent): Promise<void> {
  const handoff = await storage.handoffs.find(task_id);
  const { source, target } = handoff?.subject ?? {};
  const isParty = [source?.agent, target?.agent].includes(actor.by);
  const refusal = refuseAct('report.create', actor.roles, { relations: isParty ? ['party'] : [] });
  if (refusal) {
    const why = refusal === 'role' ? 'it has no role' : `it is neither source nor target of a handoff ${task_id}`;
    throw new HandoffError('FORBIDDEN', { actor: actor.by, act: ACT_WORDS['report.create'], why });
  }
  const issues: Issue[] = [
    ...((await knowsSession(storage, pipeline_id))
      ? []
      : [{ path: '/pipeline_id', message: `no session ${pipeline_id} is known` }]),
    ...(handoff ? [] : [{ path: '/task_id', message: `no handoff ${task_id} is known` }]),
  ];
  if (issues.length > 0) throw invalid('INVALID_REPORT', issues);
}

/** The report of that id, where it began with the same content by the same author. Throws REPORT_EXISTS of another. */
async function sameAs(deps: ReportDeps, id: string, digest: VersionRef['digest']): Promise<ReportView | undefined> {
  const { reports } = deps.storage;
  const there = await reports.find(id);
  if (!there) return undefined;
  const [first] = await reports.versions(id);
  if (there.state.author === deps.actor.by && first?.digest === digest) return viewOf(deps, there.state);
  throw new HandoffError('REPORT_EXISTS', { report: id });
}

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** Starts the run, or finds the one that is there, and waits until that is on record. */
async function launch({ caller }: ReportDeps, input: ReportInput): Promise<ReportAnswer> {
  const { reportId, author, pipelineId, taskId } = input;
  const began = Date.now();
  const startWorkflowOperation = new WithStartWorkflowOperation(REPORT_TYPE, {
    workflowId: reportWorkflowIdOf(reportId),
    taskQueue: caller.taskQueue,
    args: [input],
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    memo: { report: { author, digest: input.version.digest } },
    staticSummary: `Report of ${author} on ${taskId}`,
    staticDetails: `Report \`${reportId}\` on handoff \`${taskId}\` in session \`${pipelineId}\``,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: keyword(SEARCH_KEYS.status), value: 'draft' },
      { key: keyword(SEARCH_KEYS.source), value: author },
      { key: keyword(SEARCH_KEYS.session), value: pipelineId },
    ]),
  });
  // Nobody waits for the handle where the update says all.
  startWorkflowOperation.workflowHandle().catch(() => {});
  try {
    return await withDeadline(caller, `The start of report ${reportId}`, () =>
      caller.temporal.workflow.executeUpdateWithStart(recordedReportUpdate, { startWorkflowOperation, args: [] }),
    );
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError)
      throw new HandoffError('REPORT_EXISTS', { report: reportId }, { cause: error });
    if (isDeadline(error)) throw await late(caller, error, reportId, began);
    throw error;
  }
}
