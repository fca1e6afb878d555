import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReportView } from '../../src/core/report/view.js';
import { openStorage } from '../../src/storage/storage.js';
import { handoff, haveServer, json, launch, type Running } from './rig.js';

let base: string;
let dev: Running;
const at = (): string[] => ['--folder', path.join(base, '.handoff')];
const report = (...args: string[]): ReturnType<typeof handoff> => handoff(['report', ...args, ...at()]);

beforeAll(async () => {
  await haveServer();
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-report-'));
  dev = launch(['dev', '--port', '0', '--ui-port', '0', ...at()]);
  await dev.says('is ready');
  await handoff(['agents', 'add', '@code-architect', '@nodejs-specialist', '--heartbeat-seconds', '86400', ...at()]);
  await handoff(['phases', 'set', 'blog', '8', 'completed', ...at()]);
  await handoff(['run', 'examples/01-phase-transition.json', '--id', 'first', ...at()]);
}, 10 * 60_000);
afterAll(async () => {
  dev?.child.kill('SIGTERM');
  await dev?.ended;
  await rm(base, { recursive: true, force: true });
});

describe('handoff report', { timeout: 120_000 }, () => {
  it('takes one from its draft to a sign-off, and shows it on the way', async () => {
    const author = ['--as', '@code-architect'];
    const made = await report('create', 'examples/input/report.yaml', ...author);
    expect(made).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('draft') as string });
    const handedIn = await report('submit', 'rp-first', '--notes', 'Ready for review', ...author);
    expect(handedIn.stdout).toContain('under_review: waits for a review by somebody else than @code-architect');
    const self = await report(
      'review',
      'rp-first',
      'approved',
      '--comments',
      'All as agreed',
      ...author,
      '--role',
      'reviewer',
    );
    expect(self).toMatchObject({ code: 1, stderr: expect.stringContaining('FORBIDDEN') as string });
    const comments = ['--comments', 'All as agreed'];
    await report('review', 'rp-first', 'approved', ...comments, '--as', '@reviewer', '--role', 'reviewer');
    const lead = ['--as', '@lead', '--role', 'tech_lead'];
    const signed = await json<ReportView>([
      'report',
      'sign-off',
      'rp-first',
      'tech_lead',
      '--condition',
      'At night',
      ...lead,
      ...at(),
    ]);
    expect(signed).toMatchObject({
      status: 'approved',
      sign_offs: [{ status: 'conditionally_approved', counts: true }],
    });
    const shown = await report('show', 'rp-first');
    expect(shown.stdout).toContain('tech_lead by @lead: conditionally_approved');
    const list = await report('list', '--waits-for', 'developer');
    expect(list.stdout).toMatch(/rp-first +approved +100 %/);
    const history = await report('history', 'rp-first');
    expect(
      history.stdout
        .trim()
        .split('\n')
        .map((l) => /(create|submit|validated|review|sign_off) /.exec(l)?.[1]),
    ).toEqual([undefined, 'create', 'submit', 'validated', 'review', 'sign_off']);
  });

  it('says what is wrong with one, and where, in one line', async () => {
    const file = path.join(base, 'bad.json');
    await writeFile(file, '{"pipeline_id": "blog", "task_id": "first", "work_summary": "Short", "color": 1}');
    const { code, stderr } = await report('create', file, '--as', '@code-architect');
    expect(code).toBe(2);
    expect(stderr).toContain('INVALID_REPORT');
    expect(stderr).toContain('/work_summary: needs 50 characters');
    expect((await report('show', 'nobody')).stderr).toContain('REPORT_NOT_FOUND');
  });

  it('writes the projection anew', async () => {
    const storage = await openStorage({ folder: path.join(base, '.handoff') });
    const { state } = (await storage.reports.find('rp-first'))!;
    await storage.db.deleteFrom('reports').execute();
    expect(await report('rebuild')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 written anew') as string,
    });
    expect((await storage.reports.find('rp-first'))!.state).toEqual(state);
    await storage.close();
  });
});
