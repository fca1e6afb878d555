import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { ReliabilityDetail, ReliabilityReport } from '../../src/core/reliability/report.js';
import { settingsOf } from '../../src/core/reliability/settings.js';
import { runIteration } from '../../src/reliability/iteration.js';
import { prepared } from '../../src/reliability/prepare.js';
import { openTestBed } from '../../src/reliability/open-test-bed.js';
import { watchdog } from '../../src/reliability/watchdog.js';
import { workOf } from '../../src/reliability/works.js';
import { openStorage, type Storage } from '../../src/storage/storage.js';
import { handoff, haveServer } from '../cli/rig.js';

let folder: string;
let storage: Storage;
beforeAll(async () => {
  await haveServer();
  folder = await mkdtemp(path.join(tmpdir(), 'handoff-tests-'));
  storage = await openStorage({ folder });
});
afterAll(async () => {
  await storage.close();
  await rm(folder, { recursive: true, force: true });
});

const reliability = (...args: string[]) => handoff(['reliability', ...args, '--folder', folder]);
const lastLine = (text: string): ReliabilityReport =>
  JSON.parse(text.trimEnd().split('\n').at(-1)!) as ReliabilityReport;
const FULL = process.env['HANDOFF_RELIABILITY'] === 'full';

describe('a reliability test', () => {
  it('ends as told under faults that fired, and can be listed, shown and compared', { timeout: 240_000 }, async () => {
    const page = path.join(folder, 'out.html');
    const iterations = FULL ? '750' : '10';
    const size = ['--iterations', iterations, '--timeout', FULL ? '1200' : '120', '--failure-rate', '0.15'];
    const faults = ['--faults', 'worker_kill,connections_cut', '--seed', '4711'];
    const ended = await reliability('FAILURE_INJECTION_STANDARD', ...size, ...faults, '--report', page, '--json');
    expect(ended.stderr).toContain('seed 4711');
    const report = lastLine(ended.stdout);
    expect(report).toMatchObject({ status: 'passed', successRate: 1, stuck: 0, seed: 4711, reasons: [] });
    expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(ended.code).toBe(0);
    expect(report.iterations).toBe(Number(iterations));
    expect(report.faults.slice(0, 2).map((f) => f.fired > 0)).toEqual([true, true]);
    expect(report.checker).toMatchObject({ twice: 0, missing: 0, leftBehind: 0, violations: [] });
    expect(report.checker.applied).toBeGreaterThan(0);

    const html = await readFile(page, 'utf8');
    expect(html).toContain(report.testId);
    expect(html).not.toMatch(/(src|href)=["']?https?:/);

    const shown = await reliability('show', report.testId.slice(0, -2));
    expect(shown.stdout).toContain('passed');
    expect(shown.stdout.split('\n').filter((l) => l.length > 80 && !l.includes('handoff reliability'))).toEqual([]);
    const { detail } = JSON.parse((await reliability('show', report.testId, '--json')).stdout) as {
      detail: ReliabilityDetail;
    };
    expect(detail.iterations).toHaveLength(Number(iterations));
    expect(detail.strikes.map((s) => s.fault)).toEqual(expect.arrayContaining(['worker_kill', 'connections_cut']));
    const list = JSON.parse(
      (await reliability('list', '--configuration', 'FAILURE_INJECTION_STANDARD', '--json')).stdout,
    ) as ReliabilityReport[];
    expect(list.map((r) => r.testId)).toEqual([report.testId]);
    expect((await reliability('list', '--status', 'failed')).stdout).toContain('No reliability test');
    const compared = await reliability('compare', report.testId, report.testId);
    expect(compared.stdout).toMatch(/p95, ms +(\d+) +\1 +× 1\n/);
  });

  it('finds the one effect that is lost, though its handoff completed', { timeout: 120_000 }, async () => {
    const own = ['--module', 'test/reliability/parts/loses.mjs', '--request', 'test/reliability/parts/loses.json'];
    const size = ['--iterations', '3', '--workers', '1'];
    const ended = await reliability('RELIABILITY_STANDARD', ...size, ...own, '--json');
    const report = lastLine(ended.stdout);
    expect(report).toMatchObject({ status: 'failed', outcomes: { completed: 3 }, checker: { missing: 1, applied: 2 } });
    expect(report.successRate).toBeCloseTo(2 / 3);
    expect(report.checker.violations[0]).toContain(`${report.testId}-000002`);
    expect(ended.code).toBe(1);
    const { detail } = await storage.reliability.get(report.testId);
    expect(detail!.iterations.map((i) => i.asTold)).toEqual([true, false, true]);
  });

  it('finds a run whose worker never comes back', { timeout: 120_000 }, async () => {
    const settings = settingsOf('RELIABILITY_STANDARD', { workers: 1, faults: [], quietSeconds: 2 }, () => 1);
    const dog = watchdog(2000);
    const { signal } = new AbortController();
    const options = { dog, signal, failpoints: '', say: () => {} };
    const { bed, close } = await openTestBed('rt-stuck', settings, options);
    try {
      const [good, stuck] = await Promise.all([workOf(bed, 3), workOf(bed, 6)]);
      expect((await runIteration(bed, good)).iteration).toMatchObject({ outcome: 'completed', asTold: true });
      await bed.stack.workers[0]!.kill();
      dog.faultsOver(Date.now());
      const { iteration } = await runIteration(bed, stuck);
      expect(iteration).toMatchObject({ outcome: 'stuck', asTold: false, handoff: 'rt-stuck-000006' });
      expect(iteration.durationMs).toBeGreaterThan(1900);
    } finally {
      await close();
    }
  });

  it.each([
    [['RELIABILITY'], /RELIABILITY_UNKNOWN: .*RELIABILITY_STANDARD.*ENDURANCE_STANDARD/],
    [['RELIABILITY_STANDARD', '--iterations', '0'], /USAGE: .*from 1/],
    [['RELIABILITY_STANDARD', '--report', '/no/such/out.html'], /USAGE: The report cannot be written/],
  ])('refuses %j before anything begins', async (args, said) => {
    const none = path.join(folder, 'none');
    const { code, stderr } = await handoff(['reliability', ...args, '--folder', none]);
    expect(stderr).toMatch(said);
    expect(code).toBe(2);
    expect(existsSync(none)).toBe(false);
  });

  it.each([
    [{ failureRate: 1.5 }, 'INVALID_RELIABILITY_TEST', '/failureRate'],
    [
      { faults: ['worker_kill', 'earthquake'] },
      'INVALID_RELIABILITY_TEST',
      'no fault earthquake; known: all, worker_kill',
    ],
    [{ procedure: 'NOT_MINE' }, 'PROCEDURE_UNKNOWN', 'NOT_MINE'],
    [{ procedures: ['no-such.json'] }, 'INVALID_RELIABILITY_TEST', 'no-such.json'],
    [{ modules: ['no-such.mjs'] }, 'INVALID_RELIABILITY_TEST', 'no-such.mjs'],
    [{ request: { procedure: 'PHASE_TRANSITION_STANDARD' } }, 'INVALID_REQUEST', '/source'],
  ])('refuses %j', async (options, code, said) => {
    await expect(prepared('RELIABILITY_STANDARD', options, undefined)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(said) as string,
    });
  });

  it('shows nothing of a test that there is not', async () => {
    const { code, stderr } = await reliability('show', 'rt-nope');
    expect(stderr).toContain('RELIABILITY_TEST_NOT_FOUND');
    expect(code).toBe(1);
  });
});

describe('client.reliability', () => {
  const client = () => new HandoffClient({ temporal: undefined as never, storage });
  const until = async (testId: string, done: (r: ReliabilityReport) => boolean): Promise<ReliabilityReport> => {
    for (const deadline = Date.now() + 90_000; ; await sleep(100)) {
      const report = await client().reliability.status(testId);
      if (done(report)) return report;
      if (Date.now() > deadline) throw new Error(`it stays ${report.status}, ${report.iterations} ended`);
    }
  };

  it(
    'starts a test, tells how far it is, stops it, and says when its process is gone',
    { timeout: 240_000 },
    async () => {
      const { reliability: tests } = client();
      const options = { iterations: 100_000, workers: 1 };
      const { testId } = await tests.start('PERFORMANCE_STANDARD', options);
      const moving = await until(testId, (r) => r.iterations > 0);
      expect(moving).toMatchObject({ status: 'running', doing: 'iterations', configuration: { iterations: 100_000 } });
      expect((await tests.list({ status: 'running' })).map((r) => r.testId)).toEqual([testId]);
      await tests.stop(testId);
      expect(await until(testId, (r) => r.status !== 'running')).toMatchObject({ status: 'stopped' });

      const other = await tests.start('PERFORMANCE_STANDARD', options);
      const { pid } = await storage.db
        .selectFrom('reliability_tests')
        .select('pid')
        .where('id', '=', other.testId)
        .executeTakeFirstOrThrow();
      process.kill(pid, 'SIGKILL');
      const gone = await until(other.testId, (r) => r.status !== 'running');
      expect(gone.status).toBe('failed');
      expect(gone.reasons).toEqual([`The process of the test (${pid}) ended without a report.`]);
    },
  );

  it('refuses what cannot run, without a process', async () => {
    const { reliability: tests } = client();
    await expect(tests.start('PERFORMANCE')).rejects.toMatchObject({ code: 'RELIABILITY_UNKNOWN' });
    await expect(tests.start('PERFORMANCE_STANDARD', { workers: 0 })).rejects.toMatchObject({
      code: 'INVALID_RELIABILITY_TEST',
    });
    await expect(tests.start('PERFORMANCE_STANDARD', { faults: ['none'] })).rejects.toMatchObject({
      code: 'INVALID_RELIABILITY_TEST',
    });
    await expect(tests.status('rt-nope')).rejects.toMatchObject({ code: 'RELIABILITY_TEST_NOT_FOUND' });
    const bare = new HandoffClient({ temporal: undefined as never }).reliability;
    await expect(bare.start('PERFORMANCE_STANDARD')).rejects.toMatchObject({ code: 'STORAGE_REQUIRED' });
    expect(() => bare.list()).toThrow(expect.objectContaining({ code: 'STORAGE_REQUIRED' }));
  });
});
