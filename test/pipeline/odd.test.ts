import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PhaseHandler } from '../../src/activities/pipeline/phase.js';
import { phasesOf } from '../../src/activities/pipeline/phase.js';
import { ledgerIdOf } from '../../src/core/pipeline/ids.js';
import { Rig } from '../rig/rig.js';
import { newSession } from './phases.js';

const OP = { by: 'op' };
const made: string[] = [];
const one = (phase: string, run: Extract<PhaseHandler, { run: unknown }>['run'], over: object = {}): PhaseHandler => ({
  phase,
  run,
  maxAttempts: 1,
  ...over,
});
const thrown = (error: unknown) => (): never => {
  throw error;
};
const noop = (): Promise<void> => Promise.resolve();

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({
    phases: [
      one('text', thrown('only a text')),
      one('nothing', thrown(undefined)),
      one('bare', thrown(Object.create(null))),
      one('object', thrown({ toString: 1 })),
      one('large', thrown(new Error('x'.repeat(3_000_000)))),
      one('larger', thrown('x'.repeat(3_000_000))),
      one('twice', async ({ effect }) => {
        await effect('it', {}, noop);
        await effect('it', {}, noop);
      }),
      one('named', async ({ effect }) => {
        for (const name of ['__proto__', 'constructor', '../x', 'a/b', 'ä\u{1f600}', ' '])
          await effect(name, {}, () => Promise.resolve(void made.push(name)));
      }),
      one('nameless', ({ effect }) => effect('a\nb', {}, noop)),
      one('half', ({ effect }) => effect('\ud800', {}, noop)),
      one('constructor', noop),
      one('n'.repeat(64), noop),
      ...Array.from({ length: 300 }, (_, n) => one(`p${n}`, noop)),
      { phase: 'many', steps: Array.from({ length: 1000 }, (_, n) => ({ name: `s${n}`, run: noop })) },
    ],
  });
});
afterAll(() => rig.close());

async function run(phases: readonly string[], over: object = {}) {
  const session = newSession();
  const { pipelineId } = rig.pipelines.track(await rig.client.pipelines.start({ session, phases, ...over }));
  return { session, pipelineId };
}

describe('a handler', () => {
  test.each([
    ['text', /only a text/],
    ['nothing', /./],
    ['bare', /./],
    ['object', /./],
    ['large', /^x{1000}$/],
    ['larger', /^x{1000}$/],
    ['twice', /this step has one of that name/],
    ['nameless', /Effect/],
    ['half', /Effect/],
  ])('that throws what it should not fails its step, and says so: %s', async (phase, message) => {
    const { session } = await run([phase]);
    const { state } = await rig.pipelines.until(session, (s) => s.shown === 'failed' && !!s.state.checkpoint);
    expect(state.failure!.message).toMatch(message);
    await rig.client.pipelines.cancel(session, { ...OP, reason: 'enough' });
    await rig.client.pipelines.result(session);
    const { events } = await rig.pipelines.handle(session).fetchHistory();
    const sizes = (events ?? []).map((e) => JSON.stringify(e).length);
    expect(Math.max(...sizes)).toBeLessThan(50_000);
  });

  test('may name its effects as it likes', async () => {
    const { session, pipelineId } = await run(['named', 'constructor', 'n'.repeat(64)]);
    await rig.client.pipelines.result(session);
    expect(made).toHaveLength(6);
    expect(await rig.storage.ledger.list(ledgerIdOf(pipelineId))).toHaveLength(6);
  });

  test.each(['__proto__', '', 'a b', 'n'.repeat(65), '../x'])('has no such name: %j', (phase) => {
    expect(() => phasesOf([{ phase, run: noop }])).toThrow(/Phase/);
    expect(() => phasesOf([{ phase: 'p', steps: [{ name: phase, run: noop }] }])).toThrow(/Step/);
  });

  test('has a step at least', () => {
    expect(() => phasesOf([{ phase: 'p', steps: [] }])).toThrow(/no step/);
  });
});

describe('a request', () => {
  test.each([
    ['a clone that is no text', { cloneId: 5 }, '/cloneId'],
    ['a clone too long', { cloneId: 'x'.repeat(3_000_000) }, 'The pipeline request'],
    ['half a character', { cloneId: '\ud800' }, 'cloneId'],
    ['a version that is none', { pipelineVersion: {} }, '/pipelineVersion'],
    ['half a version', { pipelineVersion: '\udc00' }, 'pipelineVersion'],
    ['a time without end', { packageExpiresInMinutes: 1e300 }, '/packageExpiresInMinutes'],
    ['no time', { packageExpiresInMinutes: Number.NaN }, '/packageExpiresInMinutes'],
    ['half a step', { stepsPerRun: 0.5 }, '/stepsPerRun'],
    ['what nobody knows', { phase: ['text'] }, 'phase'],
    ['phases that are none', { phases: 'text' }, '/phases'],
    ['a strange transition', { transitions: 'both' }, '/transitions'],
  ])('that is refused before anything is written: %s', async (_what, over, text) => {
    const session = newSession();
    const start = rig.client.pipelines.start({ session, phases: ['text'], ...over } as never);
    await expect(start).rejects.toMatchObject({
      code: expect.stringMatching(/^(INVALID_REQUEST|INPUT_TOO_LARGE)$/) as string,
      message: expect.stringContaining(text) as string,
    });
    expect(await rig.storage.pipelines.ofSession(session)).toBeUndefined();
  });

  test('may hold what is strange but whole', async () => {
    const session = `${newSession()}:a.b_c:`;
    const hostile = '../../<b>"\u0000`; drop table pipelines; --';
    rig.pipelines.track(
      await rig.client.pipelines.start({
        session,
        phases: ['constructor'],
        cloneId: hostile,
        pipelineVersion: hostile,
      }),
    );
    expect(await rig.client.pipelines.result(session)).toMatchObject({ status: 'completed' });
  });
});

describe('a pause', () => {
  test('until a time that is past is refused', async () => {
    const { session } = await run(['many']);
    await expect(rig.client.pipelines.pause(session, { ...OP, until: '2020-01-01T00:00:00Z' })).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      message: expect.stringContaining('until') as string,
    });
    await rig.client.pipelines.cancel(session, { ...OP, reason: 'enough' });
    await rig.client.pipelines.result(session);
  });
});

test.each([
  ['phases', Array.from({ length: 200 }, (_, n) => `p${n}`), 200, 1],
  ...(process.env['HANDOFF_CRASH'] === 'full' ? [['steps', ['many', 'constructor'], 1001, 3] as const] : []),
] as const)(
  'a pipeline of many %s keeps its histories small',
  async (_what, phases, steps, count) => {
    const { session, pipelineId } = await run(phases);
    await rig.client.pipelines.result(session);
    expect(await rig.storage.pipelines.steps(pipelineId)).toHaveLength(steps);
    const runs = await rig.pipelines.runs(session);
    expect(runs.length).toBeLessThanOrEqual(count);
    for (const runId of runs) {
      const { raw } = await rig.pipelines.handle(session, runId).describe();
      expect(Number(raw.workflowExecutionInfo?.historySizeBytes)).toBeLessThan(2_000_000);
    }
  },
  180_000,
);
