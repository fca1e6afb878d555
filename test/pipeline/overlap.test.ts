import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Deps } from '../../src/activities/action.js';
import { openPipeline } from '../../src/activities/pipeline/life.js';
import { phasesOf, type PhaseStepContext } from '../../src/activities/pipeline/phase.js';
import { runPhaseStep } from '../../src/activities/pipeline/step.js';
import type { PhaseStepTask } from '../../src/core/pipeline/task.js';
import { Rig } from '../rig/rig.js';
import { WorkerProcess } from '../rig/worker-process.js';
import { newSession } from './phases.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ start: false });
});
afterAll(() => rig.close());

const worker = (): Promise<WorkerProcess> =>
  WorkerProcess.start({
    address: rig.address,
    taskQueue: rig.taskQueue,
    folder: rig.storage.folder,
    sources: rig.storage.sources,
  });

// The server gives the one that stands still more work first, for up to a minute.
test.runIf(process.env['HANDOFF_CRASH'] === 'full')(
  'a worker that stands still, and moves again once another has done its step, changes nothing',
  async () => {
    const session = newSession();
    const witness = path.join(rig.folder, 'witness');
    mkdirSync(witness);
    const linesOf = (what: string): string[] => {
      const file = path.join(witness, `${session}.${what}`);
      return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
    };
    const first = await worker();
    await rig.storage.sessions.set(session, 'kept', 1, 'op');
    const { pipelineId } = await rig.pipelines.start({ session, phases: ['stalling'] });
    await expect.poll(() => linesOf('starts'), { timeout: 10_000 }).toHaveLength(1);
    process.kill(first.pid, 'SIGSTOP');
    const second = await worker();
    try {
      await expect.poll(() => linesOf('starts'), { timeout: 60_000 }).toHaveLength(2);
      writeFileSync(path.join(witness, `${session}.go`), '');
      await rig.pipelines.handle(session).result();
    } finally {
      process.kill(first.pid, 'SIGCONT');
    }
    await rig.storage.sessions.set(session, 'kept', 2, 'op');
    await expect.poll(() => linesOf('refused'), { timeout: 20_000 }).toEqual(['STALE_EPOCH', 'STALE_EPOCH']);
    expect(linesOf('lines')).toEqual([String(second.pid)]);
    const entries = await rig.storage.sessions.context(session);
    expect(entries.map((e) => [e.key, e.value])).toEqual([
      ['kept', '2'],
      ['who', String(second.pid)],
    ]);
    expect(await rig.storage.pipelines.steps(pipelineId)).toHaveLength(1);
    await first.stop();
    await second.stop();
  },
  120_000,
);

describe('two attempts of one step at once', () => {
  /** A step that is in the handler's hands as often as it is called. */
  async function held(): Promise<{
    session: string;
    pipelineId: string;
    call: (number: number, over?: Partial<PhaseStepTask>) => Promise<Record<string, unknown>>;
    next: () => Promise<{ context: PhaseStepContext; end: (facts: unknown) => void }>;
  }> {
    const session = newSession();
    const pipelineId = `pl-${session}`;
    const inside: { context: PhaseStepContext; end: (facts: unknown) => void }[] = [];
    const phases = phasesOf([
      {
        phase: 'one',
        run: (context) => new Promise((resolve) => inside.push({ context, end: resolve as (facts: unknown) => void })),
      },
    ]);
    const deps = { storage: rig.storage, phases } as unknown as Deps;
    const subject = { pipelineId, session, cloneId: session, pipelineVersion: '1' };
    const frozen = [{ phase: 'one', steps: [{ name: 'run' }] }];
    await openPipeline(deps, { subject, phases: frozen, terms: {}, run: 'r', taskQueue: rig.taskQueue });
    const task: PhaseStepTask = { subject, epoch: 1, phase: 'one', step: 'run', number: 1, totalSteps: 1, attempt: 1 };
    return {
      session,
      pipelineId,
      call: (number, over) =>
        runPhaseStep(deps, { ...task, ...over }, new AbortController().signal, {
          progress: () => {},
          call: { run: 'r', number },
        }),
      next: async () => {
        await expect.poll(() => inside.length).toBeGreaterThan(0);
        return inside.shift()!;
      },
    };
  }
  const STALE = { code: 'STALE_EPOCH' };

  test('the one that began last counts, whichever ends first', async () => {
    const { session, pipelineId, call, next } = await held();
    const early = call(5);
    const one = await next();
    await one.context.context.set('x', 'early');
    const late = call(7);
    const two = await next();
    await expect(one.context.context.set('x', 'stale')).rejects.toMatchObject(STALE);
    await expect(one.context.context.update('x', () => 'stale')).rejects.toMatchObject(STALE);
    await expect(one.context.context.delete('x')).rejects.toMatchObject(STALE);
    await expect(one.context.effect('it', {}, () => Promise.reject(new Error('made')))).rejects.toMatchObject(STALE);
    one.end({ by: 'early' });
    await expect(early).rejects.toMatchObject(STALE);
    await two.context.context.set('y', 'late');
    two.end({ by: 'late' });
    expect(await late).toEqual({ by: 'late' });
    expect((await rig.storage.pipelines.steps(pipelineId)).map((s) => s.result)).toEqual([{ by: 'late' }]);
    expect((await rig.storage.sessions.context(session)).map((e) => e.value)).toEqual(['"early"', '"late"']);
    // What a handler left behind when it returned writes nothing any more.
    await expect(two.context.context.set('y', 'later')).rejects.toMatchObject(STALE);
    // And one that is called after the end is told what it came to.
    expect(await call(6)).toEqual({ by: 'late' });
  });

  test('one that was called before, and begins after it, does not begin', async () => {
    const { call, next } = await held();
    const late = call(7);
    const { end } = await next();
    await expect(call(5)).rejects.toMatchObject({
      ...STALE,
      message: 'Step one/run is at epoch 1; this attempt belongs to epoch 1, and another has its place.',
    });
    end(undefined);
    expect(await late).toEqual({});
  });

  test.each([
    ['a text', 'done', /must be an object/],
    ['a list', [1], /must be an object/],
    ['a function', () => 1, /must be an object/],
    ['a number too large for JSON', { n: 1n }, /BigInt/],
    ['a circle', Object.assign([], { 0: 0 }), /must be an object/],
    ['too much', { text: 'x'.repeat(2_000_000) }, /What step one\/run returned/],
  ])('what a step returns is looked at: %s', async (_what, facts, text) => {
    const { call, next } = await held();
    const going = call(1);
    (await next()).end(facts);
    await expect(going).rejects.toThrow(text);
    const again = call(2);
    const circle: Record<string, unknown> = {};
    circle['it'] = circle;
    (await next()).end(circle);
    await expect(again).rejects.toThrow(/circular/);
    const whole = call(3);
    (await next()).end({ at: new Date(0), gone: undefined });
    expect(await whole).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  });
});
