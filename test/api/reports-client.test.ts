import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { Reports } from '../../src/client/reports/port.js';
import { wholeHistory } from '../../src/client/reports/whole-history.js';
import type { Actor, ComponentType } from '../../src/core/report/report.js';
import {
  ADMIN,
  APPROVED,
  AUTHOR,
  COMPLETE,
  DEVELOPER,
  LEAD,
  OTHER,
  REVIEWER,
  SUMMARY,
  TESTER,
} from '../rig/reports.js';
import { ApiRig } from './rig.js';

let api: ApiRig;
const remote = new Map<string, Reports>();
beforeAll(async () => {
  api = await ApiRig.create();
  for (const { by, roles } of [AUTHOR, REVIEWER, ADMIN, DEVELOPER, LEAD, TESTER, OTHER])
    remote.set(by, new HandoffClient({ url: api.url, apiKey: await api.key(by, ...roles) }).reports());
});
afterAll(() => api.close());

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'done',
    (e: { code?: string }) => e.code ?? e,
  );

describe.each(['over Temporal', 'over HTTP'])('reports %s', (how) => {
  const as = (actor: Actor): Reports => (how === 'over HTTP' ? remote.get(actor.by)! : api.rig.client.reports(actor));
  const create = async (): Promise<string> => {
    const task = await api.rig.reports.task();
    const { report_id: id } = await as(AUTHOR).create({ ...task, ...COMPLETE });
    api.rig.reports.begun.add(id);
    return id;
  };

  test('go their whole way', async () => {
    const id = await create();
    const bytes = new TextEncoder().encode('all of it\n');
    const file = { name: 'notes ü.txt', media_type: 'text/plain', bytes };
    const { attachments, seq } = await as(AUTHOR).attach(id, file);
    expect(attachments).toMatchObject([{ name: file.name, media_type: 'text/plain', size: bytes.byteLength }]);
    const found = await as(AUTHOR).attachment(id, file.name);
    expect([found.attachment.name, Buffer.from(found.bytes).toString()]).toEqual([file.name, 'all of it\n']);
    await as(AUTHOR).updateComponent(id, 'api_contracts', { notes: 'As agreed' }, { ifMatch: seq });
    expect(await codeOf(as(AUTHOR).update(id, { quality_score: 0.9 }, { ifMatch: seq }))).toBe('PRECONDITION_FAILED');
    expect(await as(AUTHOR).submit(id, { submission_notes: 'Please look' })).toMatchObject({ status: 'under_review' });
    await as(REVIEWER).enterFact(id, { component_type: 'api_contracts', verified: true });
    await as(REVIEWER).comment(id, { text: 'A word' });
    expect(await as(REVIEWER).review(id, APPROVED)).toMatchObject({ status: 'approved' });
    for (const [actor, sign_off_role] of [
      [DEVELOPER, 'developer'],
      [LEAD, 'tech_lead'],
    ] as const)
      await as(actor).signOff(id, { sign_off_role, status: 'approved' });
    const conditions = ['one more test'];
    await as(TESTER).signOff(id, { sign_off_role: 'qa_engineer', status: 'conditionally_approved', conditions });
    expect(await as(AUTHOR).get(id)).toMatchObject({ sign_off_status: 'pending' });
    const met = await as(TESTER).meetCondition(id, 'qa_engineer', 0, { note: 'it is there' });
    expect(met).toMatchObject({ sign_off_status: 'complete' });
    const revoked = await as(LEAD).revokeSignOff(id, 'tech_lead', { reason: 'too early' });
    expect(revoked).toMatchObject({ sign_off_status: 'pending' });
    const history = await as(AUTHOR).history(id);
    expect(history).toMatchObject({ report_id: id });
    const { version } = history.versions.at(-1)!;
    expect(await as(AUTHOR).version(id, version)).toMatchObject({ work_summary: COMPLETE.work_summary });
    const listed = await as(AUTHOR).list({ status: 'approved', limit: 200 });
    expect(listed.reports.map((r) => r.report_id)).toContain(id);
    expect(await as(AUTHOR).export(id, 'markdown')).toEqual(
      await api.rig.client.reports(AUTHOR).export(id, 'markdown'),
    );
    expect((await as(ADMIN).exportAll({ author: AUTHOR.by }, 'csv')).text).toContain(id);
    expect((await as(ADMIN).statistics({ forceRefresh: true })).total).toBeGreaterThan(0);
    expect(await as(ADMIN).dashboard()).toHaveProperty('recent');
    expect(await as(ADMIN).componentStatus()).toHaveProperty('components');
  });

  test('say what happened in pages: each change and each version once, and what it changed of the one before', async () => {
    const id = await create();
    for (const notes of ['one', 'two', 'three']) {
      await as(AUTHOR).updateComponent(id, 'api_contracts', { notes });
      await as(AUTHOR).comment(id, { text: `said after ${notes}` });
    }
    const { next_cursor, ...all } = await as(AUTHOR).history(id);
    expect([next_cursor, all.entries.length, all.versions.length]).toEqual([undefined, 7, 4]);
    const pages = [await as(AUTHOR).history(id, { limit: 2 })];
    for (let more; (more = pages.at(-1)!.next_cursor);)
      pages.push(await as(AUTHOR).history(id, { limit: 2, cursor: more }));
    expect(pages.map((p) => p.entries.length)).toEqual([2, 2, 2, 1]);
    expect(pages.flatMap((p) => p.entries)).toEqual(all.entries);
    expect(pages.flatMap((p) => p.versions)).toEqual(all.versions);
    expect(await wholeHistory({ history: (of, place) => as(AUTHOR).history(of, { limit: 3, ...place }) }, id)).toEqual(
      all,
    );
    expect(await codeOf(as(AUTHOR).history(id, { cursor: 'bm9uZQ' }))).toBe('INVALID_REPORT');
    expect(await codeOf(as(AUTHOR).history(id, { limit: 201 }))).toBe(
      how === 'over HTTP' ? 'INVALID_INPUT' : 'INVALID_REPORT',
    );
    expect(await codeOf(as(OTHER).history(id, { limit: 1 }))).toBe('REPORT_NOT_FOUND');
  });

  test('say of each fact of which other attachments its file is the same; its tests count once', async () => {
    const id = await create();
    const file = async (name: string, component_type: ComponentType, tests: string): Promise<unknown> => {
      const bytes = new TextEncoder().encode(`<testsuite>${tests}</testsuite>`);
      return as(AUTHOR).attach(id, { name, media_type: 'application/xml', component_type, bytes });
    };
    await file('a.xml', 'api_contracts', '<testcase name="x"/>');
    await file('b.xml', 'circuit_breaker', '<testcase name="x"/>');
    await file('c.xml', 'retry_mechanisms', '<testcase name="y"/><testcase name="z"/>');
    await as(AUTHOR).submit(id);
    await expect.poll(async () => (await as(AUTHOR).get(id)).status, { timeout: 20_000 }).toBe('under_review');
    const { facts, components } = await as(REVIEWER).get(id);
    expect(facts.map((f) => [f.component_type, f.same_file_as])).toEqual([
      ['api_contracts', ['b.xml']],
      ['circuit_breaker', ['a.xml']],
      ['retry_mechanisms', undefined],
    ]);
    expect(components.circuit_breaker.status).toBe('verified');
    expect((await as(REVIEWER).export(id, 'markdown')).text).toContain('the same file as b.xml');
  });

  test('are refused in the same way', async () => {
    const id = await create();
    await as(AUTHOR).attach(id, { name: 'a.txt', media_type: 'text/plain', bytes: new Uint8Array([65]) });
    expect(await as(AUTHOR).detach(id, 'a.txt')).toMatchObject({ attachments: [] });
    const again = { ...(await api.rig.reports.task()), report_id: id, work_summary: `Other words: ${SUMMARY}` };
    const refused: [string, () => Promise<unknown>][] = [
      ['REPORT_NOT_FOUND', () => as(OTHER).get(id)],
      ['REPORT_NOT_FOUND', () => as(AUTHOR).get('none')],
      ['REPORT_NOT_FOUND', () => as(OTHER).submit(id)],
      ['REPORT_NOT_FOUND', () => as(REVIEWER).review(id, APPROVED)],
      ['REPORT_EXISTS', () => as(AUTHOR).create(again)],
      // The service says it before the engine does.
      [
        how === 'over HTTP' ? 'INVALID_INPUT' : 'INVALID_REPORT',
        () => as(AUTHOR).create({ ...again, report_id: 'new', work_summary: 'short' }),
      ],
      ['FORBIDDEN', () => as(AUTHOR).review(id, APPROVED)],
    ];
    const codes = [];
    for (const [, call] of refused) codes.push(await codeOf(call()));
    expect(codes).toEqual(refused.map(([code]) => code));
  });
});
