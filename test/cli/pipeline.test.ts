import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStorage, type Storage } from '../../src/storage/storage.js';
import { connectClient } from '../../src/temporal/connect.js';
import { handoff, haveServer, json, launch, type Running } from './rig.js';

let base: string;
let folder: string;
let dev: Running;
let storage: Storage;
const MODULE = path.join(import.meta.dirname, 'parts', 'phases.mjs');
const PHASES = ['--phases', 'extraction,analysis,synthesis'];
const at = (): string[] => ['--folder', folder];
const pipeline = (...args: string[]) => handoff(['pipeline', ...args, ...at()]);
/** By its record, which costs no process. */
const stored = (session: string) => storage.pipelines.ofSession(session);

const hold = (session: string, step: string): Promise<void> =>
  writeFile(path.join(folder, `hold-${session}-${step}`), '');
const open = (session: string, step: string): Promise<void> => rm(path.join(folder, `hold-${session}-${step}`));

/** A pipeline whose step is at work until it is opened. */
async function heldAt(session: string, step: string): Promise<void> {
  await hold(session, step);
  const { code, stdout } = await pipeline('start', session, ...PHASES);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`Started: ${session} (pl-`) as string });
  const [phase, name] = step.split('-');
  await expect.poll(() => stored(session), { timeout: 20_000 }).toMatchObject({ phase, step: name, shown: 'running' });
}

async function pausedAfter(session: string, step: string): Promise<string> {
  await heldAt(session, step);
  const pausing = json<{ id: string }>(['pipeline', 'pause', session, '--by', 'op', '--timeout', '60', ...at()]);
  await expect.poll(async () => (await stored(session))?.shown, { timeout: 20_000 }).toBe('draining');
  await open(session, step);
  return (await pausing).id;
}

beforeAll(async () => {
  await haveServer();
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-pipeline-'));
  folder = path.join(base, '.handoff');
  dev = launch(['dev', '--port', '0', '--ui-port', '0', '--module', MODULE, ...at()]);
  await dev.says('is ready');
  storage = await openStorage({ folder });
}, 10 * 60_000);
afterAll(async () => {
  await storage?.close();
  dev?.child.kill('SIGTERM');
  await dev?.ended;
  await rm(base, { recursive: true, force: true });
});

describe('handoff pipeline', { timeout: 120_000 }, () => {
  it('starts, follows and says each step; exit code 0 when it completed', async () => {
    const { code, stdout, stderr } = await pipeline('start', 'one', ...PHASES, '--follow');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Started: one (pl-');
    expect(stdout).toContain('✓ synthesis 2/2: write');
    expect(stdout.trim().split('\n').at(-1)).toMatch(/completed$/);
    const { stdout: shown } = await pipeline('status', 'one');
    expect(shown).toMatch(/^one {2}completed at .* · 6 of 6 steps \(100 %\)\n/);
    expect(shown).toMatch(/✓ extraction {2}2\/2\n {2}✓ analysis {4}2\/2\n/);
  });

  it('pauses into a package, shows where it stands, resumes, and is followed in JSON, a line each', async () => {
    const id = await pausedAfter('two', 'analysis-read');
    const { stdout } = await pipeline('status', 'two');
    expect(stdout).toMatch(/‖ analysis {4}1\/2 {2}write\n {2}· synthesis {3}0\/2\n/);
    expect(stdout).toMatch(/Paused by op since .*: user-requested/);
    expect(stdout).toContain(`handoff pipeline resume ${id} `);
    const again = await pipeline('pause', 'two');
    expect(again).toMatchObject({
      code: 1,
      stderr: 'error PIPELINE_NOT_RUNNING: Pipeline is not running: session two is paused.\n',
    });
    const { stdout: listed } = await pipeline('list', '--status', 'paused');
    expect(listed).toMatch(new RegExp(`two +paused +3/6 +analysis/write +.* paused by op`));
    const resumed = await handoff(['pipeline', 'resume', 'two', '--follow', '--json', ...at()]);
    expect(resumed.code).toBe(0);
    const looks = resumed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { shown: string });
    expect(looks.at(-1)).toMatchObject({ shown: 'completed' });
    const late = await pipeline('resume', id);
    expect(late).toMatchObject({
      code: 1,
      stderr: 'error PIPELINE_RESUME_FAILED: Failed to receive handoff: the pipeline of session two is completed\n',
    });
  });

  it('says what failed and what to type; mended, it goes on', async () => {
    const fail = path.join(folder, 'fail-three-analysis-write');
    await writeFile(fail, '');
    const following = launch(['pipeline', 'start', 'three', ...PHASES, '--follow', ...at()]);
    await following.says('next: handoff pipeline resume hof-');
    expect(following.stdout()).toMatch(/✗ analysis 2\/2: write: no such model; attempt 2 at /);
    expect(following.stdout()).toContain('analysis/write: no such model (');
    const { stdout } = await pipeline('status', 'three');
    expect(stdout).toMatch(/✗ analysis {4}1\/2 {2}write\n/);
    await rm(fail);
    expect(await pipeline('resume', 'three')).toMatchObject({
      code: 0,
      stdout: 'Session three goes on at analysis/write.\n',
    });
    expect((await following.ended).code).toBe(0);
  });

  it('goes on without a package that is damaged, and after a run that was terminated', async () => {
    const id = await pausedAfter('eight', 'analysis-read');
    await writeFile(path.join(folder, 'packages', `${id}.json`), '{}');
    const refused =
      'error PIPELINE_RESUME_FAILED: Failed to receive handoff: Integrity check failed. Without it, after the last step on record: handoff pipeline resume';
    expect(await pipeline('resume', 'eight')).toMatchObject({ code: 1, stderr: `${refused} eight --from-records\n` });
    expect(await pipeline('resume', id)).toMatchObject({ code: 1, stderr: `${refused} SESSION --from-records\n` });
    expect(await pipeline('resume', id, '--from-records')).toMatchObject({ code: 2 });
    expect(await pipeline('resume', 'eight', '--from-records', '--follow')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^Session eight goes on at analysis\/write in a new run, after the last step on record\.\n[^]*completed\n$/,
      ) as string,
    });
    await heldAt('nine', 'analysis-read');
    const { address } = JSON.parse(await readFile(path.join(folder, 'dev.json'), 'utf8')) as { address: string };
    const { client, connection } = await connectClient({ address });
    await client.workflow.getHandle('pipeline/nine').terminate('by hand');
    await connection.close();
    const { stdout, code } = await pipeline('status', 'nine');
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /terminated[^]*handoff pipeline resume nine +go on after the last step on record/,
      ) as string,
    });
    await open('nine', 'analysis-read');
    expect(await pipeline('resume', 'nine', '--follow')).toMatchObject({ code: 0 });
    expect(await pipeline('list', '--status', 'lost')).toMatchObject({ code: 0 });
  });

  it('transfers, warns where nobody polls, and fetches back', async () => {
    await heldAt('four', 'analysis-read');
    const moving = pipeline('transfer', 'four', 'nobody', '--timeout', '60');
    await expect.poll(async () => (await stored('four'))?.shown, { timeout: 20_000 }).toBe('draining');
    await open('four', 'analysis-read');
    const moved = await moving;
    expect(moved.code).toBe(0);
    expect(moved.stdout).toMatch(/The rest of session four goes on at task queue nobody, from package hof-/);
    expect(moved.stdout).toContain('warning: nobody polls task queue nobody yet');
    const { stdout } = await pipeline('status', 'four');
    expect(stdout).toContain('Nobody polls task queue nobody: it waits for a worker there');
    expect(stdout).toMatch(/handoff worker --task-queue nobody --module FILE/);
    const worker = launch(['worker', '--task-queue', 'nobody', '--module', MODULE, ...at()]);
    await worker.says('nobody');
    const { code } = await pipeline('status', 'four', '--watch');
    expect(code).toBe(0);
    expect(await stored('four')).toMatchObject({ shown: 'completed' });
    worker.child.kill('SIGTERM');
    await worker.ended;
  });

  it('cancels; what was followed then ends with exit code 1', async () => {
    await heldAt('five', 'analysis-read');
    const following = launch(['pipeline', 'status', 'five', '--watch', ...at()]);
    await following.says('analysis 1/2: read');
    expect(await pipeline('cancel', 'five', '--reason', 'enough')).toMatchObject({ code: 0 });
    const { code, stdout } = await following.ended;
    expect(code).toBe(1);
    expect(stdout).toContain('cancelled');
  });

  it.each([
    [['start', 'six', '--phases', 'nothing'], 1, 'PHASE_UNKNOWN: No handler for phase nothing'],
    [['start', 'a/b'], 2, 'USAGE: There is no file'],
    [
      ['start', 'seven', '--phases', 'analysis,analysis'],
      2,
      'INVALID_REQUEST: The handoff request is not valid: /phases',
    ],
    [['start', '-'], 2, 'INVALID_REQUEST: The handoff request is not valid: /session'],
    [['status', 'nothing'], 1, 'PIPELINE_NOT_FOUND: No pipeline runs in session nothing'],
    [['resume', 'hof-nothing'], 1, 'PIPELINE_RESUME_FAILED: Failed to receive handoff: Handoff package not found'],
    [
      ['resume', 'one'],
      1,
      'PIPELINE_RESUME_FAILED: Failed to receive handoff: the pipeline of session one is completed',
    ],
    [
      ['pause', 'one', '--until', '2020-01-01T00:00:00Z'],
      2,
      'INVALID_MESSAGE: The message pause is not valid: `until` is past',
    ],
    [['pause', 'one', '--until', 'soon'], 2, 'INVALID_MESSAGE: The message pause is not valid: until'],
    [['cancel', 'one'], 2, 'USAGE: required option'],
  ])('refuses %j', async (args, code, text) => {
    const ended = await handoff(['pipeline', ...args, ...at()], { input: '{"phase": ["analysis"]}' });
    expect(ended).toMatchObject({ code, stderr: expect.stringContaining(`error ${text}`) as string });
  });
});
