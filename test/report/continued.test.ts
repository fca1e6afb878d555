import { WithStartWorkflowOperation } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { outlineOf } from '../../src/core/report/outline.js';
import { REPORT_TYPE, reportWorkflowIdOf } from '../../src/core/report/ids.js';
import type { ReportState, ReportTerms } from '../../src/core/report/report.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import {
  commentReportUpdate,
  recordedReportUpdate,
  reportStatusQuery,
  type CommentReportMessage,
  type ReportInput,
} from '../../src/messages/report.js';
import { contentFrom } from '../../src/core/report/content.js';
import { putContent } from '../../src/storage/reports/content.js';
import { APPROVED, AUTHOR, COMPLETE, REVIEWER } from '../rig/reports.js';
import { Rig } from '../rig/rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());

/** A report whose runs are short. */
async function begin(changesPerRun: number, terms: Partial<ReportTerms> = {}): Promise<string> {
  const reportId = `c-${crypto.randomUUID().slice(0, 8)}`;
  const about = await rig.reports.task();
  const content = contentFrom({ ...about, ...COMPLETE });
  const input: ReportInput = {
    reportId,
    author: AUTHOR.by,
    pipelineId: about.pipeline_id,
    taskId: about.task_id,
    terms: { ...DEFAULT_SETTINGS.terms, ...terms },
    version: { number: 1, ...(await putContent(rig.storage, content)) },
    outline: outlineOf(content),
    changesPerRun,
  };
  const startWorkflowOperation = new WithStartWorkflowOperation(REPORT_TYPE, {
    workflowId: reportWorkflowIdOf(reportId),
    taskQueue: rig.taskQueue,
    args: [input],
    workflowIdConflictPolicy: 'FAIL',
  });
  rig.reports.begun.add(reportId);
  await rig.temporal.workflow.executeUpdateWithStart(recordedReportUpdate, { startWorkflowOperation, args: [] });
  return reportId;
}

describe('a run that has grown long is continued by another', () => {
  test('acts that come at that moment are neither lost nor done twice', async () => {
    const id = await begin(4);
    const author = rig.reports.as(AUTHOR);
    const said = Array.from({ length: 40 }, (_, i) => `word ${i}`);
    for (let i = 0; i < said.length; i += 8)
      await Promise.all(said.slice(i, i + 8).map((text) => author.comment(id, { text }, { idempotencyKey: text })));
    const { entries } = await author.history(id);
    expect(entries.map((e) => e.seq)).toEqual(entries.map((_, i) => i + 1));
    expect(entries.flatMap((e) => (e.act === 'report.comment' ? [e.note ?? ''] : [])).toSorted()).toEqual(
      said.toSorted(),
    );
    await expect.poll(() => rig.reports.runs(id)).toSatisfy((runs: string[]) => runs.length >= 5);
    // The next run still knows the keys.
    const seq = (await author.get(id)).seq;
    expect(await author.comment(id, { text: said.at(-1)! }, { idempotencyKey: said.at(-1)! })).toMatchObject({ seq });
  });

  test('an act that comes while what the time brought is put on record is answered, and on record', async () => {
    const id = await begin(3, { reviewTimeoutDays: 3 / 86_400, reminderHours: 1 });
    await rig.reports.as(AUTHOR).submit(id);
    const handle = rig.reports.handle(id);
    const state = async (): Promise<ReportState> => (await handle.query(reportStatusQuery)).state;
    let letWrite!: () => void;
    const held = new Promise<void>((resolve) => (letWrite = resolve));
    const written = rig.storage.db.transaction().execute(() => held);
    await expect.poll(async () => (await state()).escalations, { timeout: 15_000 }).toHaveLength(1);
    const args: [CommentReportMessage] = [{ actor: AUTHOR, text: 'in between' }];
    const acted = handle.executeUpdate(commentReportUpdate, { args }).catch((error: unknown) => error);
    await expect.poll(async () => (await state()).comments, { timeout: 10_000 }).toBe(1);
    letWrite();
    await written;
    expect(await acted).toMatchObject({ state: { comments: 1 } });
    const { entries } = await rig.reports.as(AUTHOR).history(id);
    expect(entries.map((e) => e.seq)).toEqual(entries.map((_, i) => i + 1));
    expect(entries.at(-1)).toMatchObject({ act: 'report.comment', note: 'in between' });
  });

  test('with what it had: status, reviews, what is handed in meanwhile', async () => {
    const id = await begin(1);
    await rig.reports.as(AUTHOR).submit(id);
    const approved = await rig.reports.as(REVIEWER).review(id, APPROVED);
    expect(approved).toMatchObject({ status: 'approved', submissions: 1, reviews: [{ by: REVIEWER.by }] });
    expect((await rig.reports.runs(id)).length).toBeGreaterThan(1);
  });
});

describe('messages of any Temporal client', () => {
  const GARBAGE: [string, unknown[]][] = [
    ['nothing', []],
    ['null', [null]],
    ['a text', ['approve!']],
    ['no actor', [{ digest: '0'.repeat(64) }]],
    ['an actor that is null, with a key', [{ actor: null, key: 'k' }]],
    ['a field too many', [{ actor: AUTHOR, text: 'x', sudo: true }]],
    ['a list', [[{ actor: AUTHOR, text: 'x' }]]],
  ];
  test.each(GARBAGE)('%s is refused by every update, and leaves no trace', async (_, args) => {
    const { report_id: id, seq } = await rig.reports.create();
    const handle = rig.reports.handle(id);
    const names = ['edit', 'submit', 'review', 'enterFact', 'signOff', 'revokeSignOff', 'meetCondition', 'comment'];
    for (const name of names) {
      const error: unknown = await handle.executeUpdate(name, { args } as never).catch((e: unknown) => e);
      const { type } = (error as { cause: { type?: string } }).cause;
      expect([name, type]).toEqual([name, 'INVALID_MESSAGE']);
    }
    expect((await rig.reports.as(AUTHOR).get(id)).seq).toBe(seq);
    const { events } = await handle.fetchHistory();
    const traces = events!.filter(
      (e) => e.workflowExecutionUpdateAcceptedEventAttributes ?? e.workflowTaskFailedEventAttributes,
    );
    // The one that waited for its beginning.
    expect(traces).toHaveLength(1);
  });

  test('a run that was started by hand with anything else fails at once, and says why', async () => {
    for (const input of [
      undefined,
      {},
      { reportId: 'x' },
      { reportId: 'hand', author: '@a', pipelineId: 's', taskId: 't', terms: {} },
    ]) {
      const handle = await rig.temporal.workflow.start(REPORT_TYPE, {
        workflowId: reportWorkflowIdOf('hand'),
        taskQueue: rig.taskQueue,
        args: [input] as never,
      });
      await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'INVALID_REQUEST' } });
    }
  });

  test('what was edited to something that is not there is found where it is handed in', async () => {
    const { report_id: id, digest } = await rig.reports.create();
    const { state } = (await rig.storage.reports.find(id))!;
    const args = [
      {
        actor: AUTHOR,
        basedOn: digest,
        version: { digest: 'f'.repeat(64), size: 1 },
        outline: state.outline,
        what: 'content',
      },
    ];
    await rig.reports.handle(id).executeUpdate('edit', { args } as never);
    await rig.reports
      .handle(id)
      .executeUpdate('submit', { args: [{ actor: AUTHOR, digest: 'f'.repeat(64) }] } as never);
    expect((await rig.storage.reports.find(id))!.state).toMatchObject({
      status: 'amendments_required',
      findings: [expect.stringContaining('cannot be read')],
    });
  });
});
