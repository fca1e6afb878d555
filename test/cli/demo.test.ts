import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { haveServer, launch, processesWith } from './rig.js';

let base: string;
let TMPDIR: string;
let count = 0;
beforeAll(async () => {
  await haveServer();
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-demo-'));
}, 10 * 60_000);
beforeEach(async () => {
  TMPDIR = path.join(base, String(++count));
  await mkdir(TMPDIR);
});
afterAll(() => rm(base, { recursive: true, force: true }));

describe('handoff demo', () => {
  it('plays four handoffs, a pipeline and a report, checks each, and leaves nothing', async () => {
    const { code, stdout, stderr } = await launch(['demo'], { env: { TMPDIR } }).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/All went as told, in /);
    expect(stdout).toContain('it stands still');
    expect(stdout).toContain('✓ 14 steps, each done once');
    expect(stdout).not.toMatch(/✗ (?!failed|State Synchronization)/);
    expect(stdout).not.toMatch(/\n\s+at |\u001b/);
    expect(processesWith(base)).toEqual([]);
    expect(await readdir(TMPDIR)).toEqual([]);
  });

  it.each(['Temporal server:', 'One is paused'])('clears away after Ctrl-C at "%s"', async (line) => {
    const demo = launch(['demo'], { env: { TMPDIR } });
    await demo.says(line);
    demo.child.kill('SIGINT');
    const { code, stdout } = await demo.ended;
    expect(code).toBe(1);
    expect(stdout).not.toContain('All went as told');
    expect(processesWith(base)).toEqual([]);
    expect(await readdir(TMPDIR)).toEqual([]);
  });

  it('--keep leaves all up until Ctrl-C, --json prints one value', async () => {
    const demo = launch(['demo', '--keep', '--json'], { env: { TMPDIR } });
    await demo.says('stay up until Ctrl-C');
    const folder = /--folder (\S+)/.exec(demo.stderr())![1]!;
    const shown = await launch(['show', 'undone', '--folder', folder, '--json']).ended;
    expect(JSON.parse(shown.stdout)).toMatchObject({ from: 'run', status: 'failed' });
    demo.child.kill('SIGTERM');
    const { code, stdout } = await demo.ended;
    expect(code).toBe(0);
    const told = JSON.parse(stdout) as { ok: boolean; handoffs: { outcome: string }[] };
    expect(told.ok).toBe(true);
    expect(told.handoffs.map((h) => h.outcome)).toEqual([
      'completed',
      'completed',
      'completed',
      'failed',
      'completed',
      'completed',
    ]);
    expect(processesWith(base)).toEqual([]);
    expect(await readdir(TMPDIR)).toEqual([]);
  });
});
