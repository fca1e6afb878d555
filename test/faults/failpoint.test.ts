import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { firings } from '../../src/faults/fired.js';
import { POINTS, pointOf } from '../../src/faults/points.js';
import { parseSettings } from '../../src/faults/setting.js';
import { Rig } from '../rig/rig.js';
import { WorkerProcess } from '../rig/worker-process.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const STRIKE = path.join(HERE, 'strike.mjs');
const SRC = path.join(HERE, '../../src');

interface Came {
  code?: string;
  message?: string;
  retryable?: boolean;
  ms: number;
}
type Call = [name: string, step?: string];

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'handoff-failpoints-'));
  log = path.join(folder, 'log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What calls came to in a process with this setting; its signal and what it said where it ended otherwise. */
function strike(
  failpoints: string,
  calls: Call[],
  more: { env?: NodeJS.ProcessEnv; abortAfterMs?: number } = {},
): Promise<{ came: Came[]; signal?: string; said: string }> {
  const env = { ...process.env, ...more.env, HANDOFF_FAILPOINTS: failpoints, HANDOFF_FAILPOINT_LOG: log };
  const args = [STRIKE, JSON.stringify({ calls, abortAfterMs: more.abortAfterMs })];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({
        came: stdout ? (JSON.parse(stdout) as Came[]) : [],
        said: stderr,
        ...(error?.signal ? { signal: error.signal } : {}),
      }),
    );
  });
}

describe('a setting', () => {
  test.for([
    ['open.after=kill', { point: 'open.after', fault: { kind: 'kill' } }],
    ['open.after=kill@2', { only: 2 }],
    ['step.acted:resource_handoff=refuse', { point: 'step.acted:resource_handoff' }],
    ['step.dispatched=fail%0.1', { rate: 0.1, text: 'fail' }],
    ['open.after=delay:20%1', { fault: { kind: 'delay', ms: 20 }, rate: 1 }],
    ['database.write=errno:SQLITE_BUSY@3', { fault: { kind: 'errno', code: 'SQLITE_BUSY' }, only: 3 }],
    ['validate.after.handoff_validation=hang', { point: 'validate.after.handoff_validation' }],
  ] as const)('%s is understood', ([text, expected]) => {
    expect(parseSettings(text)[0]).toMatchObject(expected);
  });

  test.for([
    ['open.after', 'it must be name'],
    ['open.aftre=kill', 'there is no point open.aftre'],
    ['toString=kill', 'it must be name'],
    ['constructor=kill', 'there is no point constructor'],
    ['open.after=die', 'it must be name'],
    ['open.after=kill:3', 'it must be name'],
    ['open.after=delay', 'it must be name'],
    ['open.after=delay:soon', 'it must be name'],
    ['open.after=errno:ENOSUCHTHING', 'it must be name'],
    ['open.after=kill@0', 'what follows @'],
    ['open.after=kill@1.5', 'what follows @'],
    ['open.after=kill%0', 'what follows %'],
    ['open.after=kill%1.1', 'what follows %'],
    ['open.after=kill%often', 'what follows %'],
    ['open.after:resource_handoff=kill', 'open.after is not of a step'],
    ['transfer.before_rename=hang', 'nothing can wait at transfer.before_rename without end'],
  ] as const)('%s is refused: %s', ([text, why]) => {
    expect(() => parseSettings(`step.acted=kill,${text}`)).toThrow(
      expect.objectContaining({ code: 'INVALID_FAILPOINTS' }),
    );
    expect(() => parseSettings(`step.acted=kill,${text}`)).toThrow(why);
  });

  test('that is refused ends the process where it starts', async () => {
    const { came, said } = await strike('open.aftre=kill', [['open.after']]);
    expect(came).toEqual([]);
    expect(said).toContain('HANDOFF_FAILPOINTS is not valid at "open.aftre=kill": there is no point open.aftre.');
    expect((await strike('open.after=kill%0.5', [])).said).toContain('needs HANDOFF_FAILPOINT_SEED');
  });
});

describe('a point', () => {
  test('is silent where nothing is set', async () => {
    const { came } = await strike('', [['open.after'], ['database.write!'], ['step.acted', 'a']]);
    expect(came.map((c) => c.code)).toEqual([undefined, undefined, undefined]);
    expect(firings(log)).toEqual([]);
  });

  test('kills its process, and has said so before', async () => {
    const { signal } = await strike('open.after=kill@2', [['open.after'], ['open.after'], ['open.after']]);
    expect(signal).toBe('SIGKILL');
    expect(readFileSync(log, 'utf8')).toBe('open.after=kill\n');
  });

  test('strikes one step and leaves the others; one for all strikes each', async () => {
    const calls: Call[] = [
      ['step.acted', 'a'],
      ['step.acted', 'b'],
      ['step.acted', 'b'],
    ];
    const one = await strike('step.acted:b=fail@2', calls);
    expect(one.came.map((c) => c.code)).toEqual([undefined, undefined, 'ACTION_FAILED']);
    const each = await strike('step.acted=refuse', calls);
    expect(each.came.map((c) => c.code)).toEqual(Array(3).fill('VALIDATION_FAILED'));
    expect(each.came[0]!.retryable).toBe(false);
    expect(firings(log)).toEqual([
      { point: 'step.acted', step: 'b', fault: 'fail' },
      ...['a', 'b', 'b'].map((step) => ({ point: 'step.acted', step, fault: 'refuse' })),
    ]);
  });

  test('throws what the operating system and SQLite throw', async () => {
    const set = 'blob.write=errno:ENOSPC,database.write=errno:SQLITE_BUSY@1,database.write=errno:SQLITE_IOERR@2';
    const { came } = await strike(set, [['blob.write'], ['database.write!'], ['database.write!'], ['database.write!']]);
    expect(came).toMatchObject([
      { code: 'ENOSPC', message: 'ENOSPC: no space left on device, write' },
      { code: 'SQLITE_BUSY', message: 'database is locked' },
      { code: 'SQLITE_IOERR', message: 'disk I/O error' },
      {},
    ]);
    expect(came[3]!.code).toBeUndefined();
  });

  test('delays, also where nothing can wait', async () => {
    const set = 'open.after=delay:60,database.write=delay:60';
    const { came } = await strike(set, [['open.after'], ['database.write!']]);
    // Timers may be a millisecond early.
    expect(Math.min(...came.map((c) => c.ms))).toBeGreaterThanOrEqual(58);
    expect(firings(log).map((f) => f.fault)).toEqual(['delay:60', 'over', 'delay:60', 'over']);
  });

  test('hangs until its attempt is stopped', async () => {
    const { came } = await strike('step.dispatched=hang', [['step.dispatched', 'a']], { abortAfterMs: 100 });
    expect(came).toMatchObject([{ message: 'its time is over' }]);
    expect(firings(log).map((f) => f.fault)).toEqual(['hang', 'over']);
  });

  test('pauses until it is released', async () => {
    const release = path.join(folder, 'release');
    const running = strike('open.after=pause', [['open.after']], { env: { HANDOFF_FAILPOINT_RELEASE: release } });
    await expect.poll(() => firings(log)).toEqual([{ point: 'open.after', fault: 'pause' }]);
    writeFileSync(release, '');
    expect((await running).came[0]!.code).toBeUndefined();
    expect(firings(log).at(-1)).toEqual({ point: 'open.after', fault: 'over' });
  });

  test('strikes by chance: the same seed and stream again, another stream otherwise', async () => {
    const calls = Array.from({ length: 400 }, (): Call => ['step.dispatched', 'a']);
    const once = async (seed: string, stream: string): Promise<string> => {
      const env = { HANDOFF_FAILPOINT_SEED: seed, HANDOFF_FAILPOINT_STREAM: stream };
      const { came } = await strike('step.dispatched=fail%0.1', calls, { env });
      return came.map((c) => (c.code ? 'x' : '.')).join('');
    };
    const [a, b, c, d] = await Promise.all([once('7', 'w1'), once('7', 'w1'), once('7', 'w2'), once('8', 'w1')]);
    expect(b).toBe(a);
    expect(new Set([a, c, d]).size).toBe(3);
    const struck = [a, c, d].map((s) => s.split('x').length - 1);
    expect(Math.min(...struck)).toBeGreaterThan(20);
    expect(Math.max(...struck)).toBeLessThan(64);
  });
});

test('every point of the standard procedures is really come by', { timeout: 90_000 }, async () => {
  const rig = await Rig.create({ start: false });
  const points = Object.entries(POINTS).flatMap(([name, info]) => (info.standard ? [name] : []));
  const worker = await WorkerProcess.start(
    { address: rig.address, taskQueue: rig.taskQueue, folder: rig.storage.folder, sources: rig.storage.sources },
    points.map((name) => `${name}=delay:0`).join(','),
    log,
  );
  try {
    const moved = await rig.start('PHASE_TRANSITION_STANDARD');
    const offered = await rig.start('AGENT_HANDOFF_STANDARD');
    await rig.untilStatus(offered, 'awaiting_acceptance');
    await rig.client.cancel(offered, { by: 'test', reason: 'to see it undone' });
    expect((await rig.client.result(moved)).outcome).toBe('completed');
    expect((await rig.client.result(offered)).outcome).toBe('cancelled');
    const found = firings(log);
    expect(points.filter((name) => found.every((f) => f.point !== name))).toEqual([]);
    const stepsAt = (point: string): Set<string | undefined> =>
      new Set(found.flatMap((f) => (f.point === point ? [f.step] : [])));
    const all = [
      'phase_completion_validation',
      'resource_handoff',
      'state_synchronization',
      'handoff_validation',
      'agent_readiness_check',
      'task_context_transfer',
      'knowledge_transfer',
      'handoff_confirmation',
    ];
    for (const point of ['step.dispatched', 'step.acted', 'step.recorded'])
      expect(stepsAt(point)).toEqual(new Set(all));
    for (const point of ['undo.dispatched', 'undo.acted', 'undo.recorded'])
      expect(stepsAt(point)).toEqual(new Set(['task_context_transfer', 'knowledge_transfer']));
  } finally {
    await worker.stop();
    await rig.close();
  }
});

test('the list has the points of the source, and no others', () => {
  const named = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('faults'))
    .flatMap((file) => [
      ...readFileSync(path.join(SRC, file), 'utf8').matchAll(/\b(?:failpoint|failpointSync|boundary)\('([^']+)'/g),
    ])
    .map(([, name]) => name!);
  expect(new Set(named)).toEqual(new Set(Object.keys(POINTS)));
  expect(pointOf('validate.before.a')).toBeDefined();
  expect(pointOf('hasOwnProperty')).toBeUndefined();
});
