import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AUTHOR, COMPLETE, REVIEWER, APPROVED } from '../rig/reports.js';
import { Rig } from '../rig/rig.js';
import { WorkerProcess } from '../rig/worker-process.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
  await rig.reports.task();
  await rig.stopWorker();
});
afterAll(() => rig.close());

const worker = (failpoints = ''): Promise<WorkerProcess> =>
  WorkerProcess.start(
    { address: rig.address, taskQueue: rig.taskQueue, folder: rig.storage.folder, sources: rig.storage.sources },
    failpoints,
    path.join(rig.folder, 'failpoints.log'),
  );

/** Sends an act whose worker dies on the way, and has another worker finish it. */
async function through(point: string, act: () => Promise<unknown>): Promise<void> {
  const one = await worker(`${point}=kill`);
  const answer = act().then(
    () => 'done',
    (e: Error) => e,
  );
  await one.gone;
  expect(one.fired(point, '=kill')).toBeGreaterThan(0);
  const next = await worker();
  expect(await answer).toBe('done');
  await next.stop();
}

test(
  'a worker that is killed before or after it puts a change on record: every change is there once',
  { timeout: 120_000 },
  async () => {
    const { db, outbox } = rig.storage;
    const about = await rig.reports.task();
    const id = `k-${crypto.randomUUID().slice(0, 8)}`;
    rig.reports.begun.add(id);
    const author = rig.reports.as(AUTHOR, {}, 60_000);
    await through('report_record.after', () => author.create({ report_id: id, ...about, ...COMPLETE }));
    await through('report_record.before', async () => {
      await author.submit(id);
      // Its validation is a change of its own.
      await expect.poll(async () => (await author.get(id)).status, { timeout: 30_000 }).toBe('under_review');
    });
    await through('report_record.after', () => rig.reports.as(REVIEWER, {}, 60_000).review(id, APPROVED));
    const acts = ['report.create', 'report.submit', 'report.validated', 'report.review'];
    const rows = await db.selectFrom('report_changes').selectAll().where('report', '=', id).orderBy('seq').execute();
    expect(rows.map((r) => r.act)).toEqual(acts);
    expect(rows.map((r) => r.seq)).toEqual([1, 2, 3, 4]);
    const subject = `report/${id}`;
    const events = (await outbox.after(0, 10_000)).filter((e) => e.subject === subject);
    expect(events.map((e) => e.key)).toEqual(rows.map((r) => `${subject}/${r.seq}`));
    const audit = await db.selectFrom('audit').selectAll().where('subject', '=', subject).orderBy('seq').execute();
    expect(audit.map((a) => [a.act, a.key])).toEqual(rows.map((r) => [r.act, `${subject}/${r.seq}`]));
    expect((await rig.storage.reports.find(id))!.state).toMatchObject({ status: 'approved', seq: 4, submissions: 1 });
  },
);
