import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReturnSpec } from '../../src/core/contract.js';
import { Parts } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import {
  accepts,
  back,
  eventually,
  by,
  lying,
  occupy,
  returned,
  sha256,
  starts,
  submits,
  written,
} from './return-parts.js';

const parts = new Parts();
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create(parts.options);
});
afterAll(() => rig.close());

const APP = '{"entry":"app.js"}';
const ROUTES = '{"routes":["/users"]}';
/** The contract of S2, less its schema files and its directory. */
const S2: Record<string, ReturnSpec> = {
  'express-app.json': { timeout_minutes: 120, expected_in: 120, if_missing: 'retry', critical: true },
  'api-routes.json': { critical: true, required_fields: ['routes'] },
};
const op = (n: number) => ({ by: 'op', reason: 'seen it', incidentId: `inc-${n}` });
const incident = (id: string, name = 'inc-1') => rig.until(id, (s) => s.state?.incidents[0]?.id === name);

describe.concurrent('what comes back', () => {
  test('is checked, taken into the source folder, recorded, and completes the handoff', async () => {
    const id = await accepts(rig, S2);
    const waiting = await rig.client.status(id);
    expect(waiting.state!.returns!['express-app.json']).toMatchObject({ status: 'expected', asks: 0, rounds: 0 });
    expect(waiting.words).toContain(`it waits for 2 returns from ${by}`);
    expect(waiting.words).toContain(
      `\`{"by": "${by}", "epoch": 1, "artifacts": [{"name": "express-app.json", "path": "path/to/express-app.json"}]}\``,
    );
    expect(await submits(rig, id, { 'express-app.json': APP })).toEqual({
      accepted: true,
      received: ['express-app.json'],
      outstanding: ['api-routes.json'],
      faults: [],
      roundsLeft: 3,
    });
    expect(await rig.client.progress(id)).toMatchObject({ returns: { settled: 1, expected: 2 } });
    await expect(rig.client.complete(id, { by, epoch: 1 })).rejects.toMatchObject({
      code: 'RETURN_OUTSTANDING',
      message: expect.stringMatching(/still waits for api-routes\.json until 20\d\d-.*Z\. Hand it in/) as unknown,
    });
    expect((await submits(rig, id, { 'api-routes.json': ROUTES })).outstanding).toEqual([]);
    // An explicit acceptance is completed by whoever made it.
    expect((await rig.client.status(id)).words).toContain('when the work is done');
    await rig.client.complete(id, { by, epoch: 1 });
    const outcome = await rig.client.result(id);
    expect(outcome).toMatchObject({ outcome: 'completed', undone: [] });
    expect(outcome.warnings).toBeUndefined();
    const app = { status: 'received', by, sha256: sha256(APP), path: back(rig, id, 'express-app.json') };
    expect(outcome.returns!['express-app.json']).toMatchObject(app);
    expect(lying(rig, id)).toEqual({ 'express-app.json': `${APP} 644`, 'api-routes.json': `${ROUTES} 644` });
    expect(await returned(rig, id)).toEqual(['1/express-app.json applied', '1/api-routes.json applied']);
  });

  test('completes by itself what nobody has accepted by hand: by policy, or by a procedure without an offer', async () => {
    for (const over of [{ acceptance: 'auto' }, { procedure: 'WORK_ONLY' }] as const) {
      const id = await starts(rig, S2, over);
      await rig.untilStatus(id, 'accepted');
      await submits(rig, id, { 'express-app.json': APP, 'api-routes.json': ROUTES });
      expect((await rig.client.result(id)).outcome).toBe('completed');
    }
  });

  test('is not awaited any more where it was not critical and the agent says that it is done: a warning', async () => {
    const id = await accepts(rig, { tests: {} });
    await rig.client.complete(id, { by, epoch: 1 });
    const { outcome, warnings, returns } = await rig.client.result(id);
    expect({ outcome, warnings }).toEqual({
      outcome: 'completed',
      warnings: [`tests: not there when ${by} completed`],
    });
    expect(returns!['tests']).toMatchObject({ status: 'missing' });
  });

  test('arrives in the format that the contract asks for, where a transformer makes it', async () => {
    const id = await accepts(rig, { 'app.json': { format: 'yaml', critical: true } });
    expect(await submits(rig, id, { 'app.json': APP })).toMatchObject({ accepted: true, received: ['app.json'] });
    expect(lying(rig, id)).toEqual({ 'app.json': 'entry: app.js\n 644' });
    await rig.client.complete(id, { by, epoch: 1 });
    const { returns } = await rig.client.result(id);
    expect(returns!['app.json']!.sha256).toBe(sha256('entry: app.js\n'));
  });

  test('is undone with the rest, to the byte, when the handoff is cancelled', async () => {
    const id = await accepts(rig, { ...S2, 'notes.md': {} });
    await occupy(rig, id, 'express-app.json');
    const before = lying(rig, id);
    await submits(rig, id, { 'express-app.json': APP });
    await submits(rig, id, { 'api-routes.json': ROUTES, 'notes.md': 'n' });
    expect(Object.keys(lying(rig, id)!).toSorted()).toEqual(['api-routes.json', 'express-app.json', 'notes.md']);
    expect((await rig.client.status(id)).words).toContain('A cancel now would undo: Returns, Work.');
    await rig.client.cancel(id, { by: 'op', reason: 'no need' });
    const outcome = await rig.client.result(id);
    expect(outcome.undone.map((u) => `${u.key.slice(id.length + 1)} ${u.result}`)).toEqual([
      'Returns/1/notes.md undone',
      'Returns/1/api-routes.json undone',
      'Returns/1/express-app.json undone',
      'work/1/it undone',
    ]);
    expect(lying(rig, id)).toEqual(before);
  });
});

describe.concurrent('what is refused', () => {
  test('names nobody expects, what has come already, what comes from a stale epoch, or while it is paused', async () => {
    const id = await accepts(rig, S2);
    const artifacts = await written(rig, id, { 'express-app.json': APP, 'other.json': '{}' });
    const [app, other] = artifacts as [object, object];
    const sends = (over: object): Promise<unknown> =>
      rig.client.submitReturn(id, { by, epoch: 1, artifacts: [app], ...over } as never);
    await expect(sends({ artifacts: [other] })).rejects.toMatchObject({
      code: 'RETURN_UNKNOWN',
      message: `Handoff ${id} expects no return other.json. It expects: express-app.json, api-routes.json.`,
    });
    await expect(sends({ epoch: 2 })).rejects.toMatchObject({
      code: 'STALE_ACCEPTANCE',
      message: expect.stringContaining('The return is for epoch 2,') as unknown,
    });
    for (const name of ['toString', 'constructor', 'hasOwnProperty'])
      await expect(sends({ artifacts: [{ name, path: 'x' }] })).rejects.toMatchObject({ code: 'RETURN_UNKNOWN' });
    await sends({});
    await expect(sends({})).rejects.toMatchObject({
      code: 'RETURN_RECEIVED',
      message: expect.stringMatching(
        /was received from @nodejs-specialist at 20\d\d-.*; what has arrived is not replaced/,
      ) as unknown,
    });
    await rig.client.pause(id, { by: 'op', reason: 'a moment' });
    await rig.until(id, (s) => s.state?.pausedSince !== undefined);
    await expect(sends({ artifacts: [{ name: 'api-routes.json', path: 'x' }] })).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining(
        'is paused; submitReturn is possible only while it is accepted and not paused',
      ) as unknown,
    });
    await rig.client.cancel(id, { by: 'op', reason: 'enough' });
    await rig.client.result(id);
    await expect(sends({})).rejects.toMatchObject({ code: 'WRONG_STATE' });
  });

  test('a file outside the folders that artifacts may come from: nothing is taken, and no round is lost', async () => {
    const id = await accepts(rig, S2);
    await writeFile(path.join(rig.folder, 'secret.json'), '{}');
    for (const at of ['../secret.json', path.join(rig.folder, 'secret.json'), '/etc/hostname']) {
      const artifacts = [{ name: 'express-app.json', path: at }];
      await expect(rig.client.submitReturn(id, { by, epoch: 1, artifacts })).rejects.toMatchObject({
        code: 'PATH_NOT_ALLOWED',
      });
    }
    const { state } = await rig.client.status(id);
    expect(state!.returns!['express-app.json']).toMatchObject({ status: 'expected', rounds: 0 });
    expect(state!.returns!['express-app.json']!.checking).toBeUndefined();
    expect(lying(rig, id)).toBeUndefined();
    // After what has failed on the way it is taken as if nothing had been.
    await submits(rig, id, { 'express-app.json': APP });
    await rig.client.cancel(id, { by: 'op', reason: 'enough' });
    expect((await rig.client.result(id)).undone).toHaveLength(2);
    expect(lying(rig, id)).toBeUndefined();
  });

  test('two submissions of one artifact at once: one is taken, the other is told so', async () => {
    const id = await accepts(rig, { 'a.json': { critical: true }, 'b.json': { critical: true } });
    const artifacts = await written(rig, id, { 'a.json': '1', 'b.json': '2' });
    const sends = (some: typeof artifacts) => rig.client.submitReturn(id, { by, epoch: 1, artifacts: some });
    const answers = await Promise.allSettled([
      ...[1, 2, 3].map(() => sends([artifacts[0]!])),
      sends([artifacts[1]!]),
      sends(artifacts),
    ]);
    expect(answers.filter((a) => a.status === 'fulfilled').length).toBeGreaterThan(0);
    const refused = answers.flatMap((a) => (a.status === 'rejected' ? [(a.reason as { code: string }).code] : []));
    expect(new Set(refused)).toEqual(new Set(['RETURN_RECEIVED']));
    const { state } = await rig.client.status(id);
    expect(Object.values(state!.returns!).map((r) => r.status)).toEqual(['received', 'received']);
    expect((await returned(rig, id)).toSorted()).toEqual(['1/a.json applied', '1/b.json applied']);
    await rig.client.complete(id, { by, epoch: 1 });
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('under one update id it is taken once', async () => {
    const id = await accepts(rig, { 'a.json': {} });
    const artifacts = await written(rig, id, { 'a.json': '1' });
    const send = () => rig.client.submitReturn(id, { by, epoch: 1, artifacts }, { updateId: 'once' });
    const first = await send();
    expect(await send()).toEqual(first);
    await rig.client.complete(id, { by, epoch: 1 });
    await rig.client.result(id);
  });
});

describe.concurrent('what has faults', () => {
  const BAD: [string, ReturnSpec, string | undefined, object][] = [
    ['missing', {}, undefined, { code: 'missing_artifact', expected: 'a file that is required' }],
    ['no JSON', { format: 'json' }, '{"a":', { code: 'not_parseable', expected: 'JSON' }],
    ['a field', { required_fields: ['a/b'] }, '{}', { code: 'missing_field', expected: 'the field a/b' }],
    [
      'no object',
      { required_fields: ['a'] },
      '[]',
      { code: 'wrong_type', expected: 'an object with a', found: 'an empty array' },
    ],
    ['checksum', { checksum: sha256('else') }, '{}', { code: 'checksum_mismatch', found: sha256('{}') }],
    ['kind', { type: 'directory' }, '{}', { code: 'wrong_kind', expected: 'a directory', found: 'a file' }],
  ];
  test.for(BAD)('comes back with machine-readable faults: %s', async ([, spec, text, fault]) => {
    const id = await accepts(rig, { 'x.json': spec, 'good.json': {} });
    const artifacts = await written(rig, id, { 'good.json': '{}', ...(text === undefined ? {} : { 'x.json': text }) });
    const all = [...artifacts.filter((a) => a.name !== 'x.json'), { name: 'x.json', path: path.join(id, 'x.json') }];
    const answer = await rig.client.submitReturn(id, { by, epoch: 1, artifacts: all });
    expect(answer).toMatchObject({ accepted: false, received: [], roundsLeft: 2 });
    expect(answer.faults).toEqual([expect.objectContaining({ artifact: 'x.json', pointer: '', ...fault })]);
    const { state, words } = await rig.client.status(id);
    expect(state!.returns!['x.json']).toMatchObject({ status: 'expected', rounds: 1, lastFaults: answer.faults });
    expect(state!.returns!['good.json']).toMatchObject({ status: 'expected', rounds: 0 });
    expect(words).toContain('Faults of **x.json**, last time:');
    // All of it or none: the good one is not there either.
    expect(lying(rig, id)).toBeUndefined();
    expect(await returned(rig, id)).toEqual([]);
    // The record says so too, for when no worker answers.
    await eventually(
      () => rig.storage.handoffs.find(id),
      (h) => h?.state?.returns?.['x.json']?.rounds === 1,
    );
    await rig.client.complete(id, { by, epoch: 1 });
    await rig.client.result(id);
  });

  test('a directory whose coverage is too low, or that has none', async () => {
    const tests: ReturnSpec = { type: 'directory', minimum_test_coverage: 0.8 };
    const id = await accepts(rig, { tests });
    await mkdir(path.join(rig.folder, 'in', id, 'tests'), { recursive: true });
    const submit = () =>
      rig.client.submitReturn(id, { by, epoch: 1, artifacts: [{ name: 'tests', path: path.join(id, 'tests') }] });
    expect(await submit()).toMatchObject({
      accepted: false,
      faults: [{ code: 'coverage_missing', artifact: 'tests' }],
    });
    await writeFile(path.join(rig.folder, 'in', id, 'tests', 'lcov.info'), 'SF:a\nLF:10\nLH:7\nend_of_record\n');
    expect((await submit()).faults).toMatchObject([
      { code: 'coverage_too_low', expected: 'line coverage of at least 80 %', found: '70 % in lcov.info' },
    ]);
    await rig.client.complete(id, { by, epoch: 1 });
    await rig.client.result(id);
  });

  test('a folder under a name that is to be a file', async () => {
    const id = await accepts(rig, { 'x.json': {} });
    await mkdir(path.join(rig.folder, 'in', id, 'x.json'), { recursive: true });
    const artifacts = [{ name: 'x.json', path: path.join(id, 'x.json') }];
    const { faults } = await rig.client.submitReturn(id, { by, epoch: 1, artifacts });
    expect(faults).toMatchObject([{ code: 'wrong_kind', expected: 'a file', found: 'a directory' }]);
    await rig.client.complete(id, { by, epoch: 1 });
    await rig.client.result(id);
  });

  /** One that stands in the incident of its last round. */
  const worn = async (rounds: number, over: Parameters<typeof accepts>[2] = {}): Promise<string> => {
    const id = await accepts(rig, { 'x.json': { critical: true, format: 'json' }, 'y.json': {} }, { rounds, ...over });
    for (let left = rounds - 1; left >= 0; left--)
      expect(await submits(rig, id, { 'x.json': 'no' })).toMatchObject({ accepted: false, roundsLeft: left });
    await incident(id);
    return id;
  };

  test('after so many rounds a person decides; retryStep asks again with fresh rounds', async () => {
    const id = await worn(3);
    const { state, words } = await rig.client.status(id);
    expect(state!.incidents).toMatchObject([
      { kind: 'return', returns: ['x.json'], error: { code: 'RETURN_INVALID' } },
    ]);
    expect(state!.returns!['x.json']!.deadline).toBeUndefined();
    expect(words).toContain('to ask for it again, `resolveIncident` to take it as done');
    await expect(submits(rig, id, { 'x.json': '{}' })).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining('is waiting for a person about x.json (inc-1)') as unknown,
    });
    // What the incident is not about can still come.
    expect((await submits(rig, id, { 'y.json': '{}' })).accepted).toBe(true);
    await expect(rig.client.skip(id, op(1))).rejects.toMatchObject({
      code: 'WRONG_INCIDENT',
      message: expect.stringContaining(
        'is about a return and cannot be skipped; possible: retryStep, resolveIncident',
      ) as unknown,
    });
    await expect(rig.client.complete(id, { by, epoch: 1 })).rejects.toMatchObject({ code: 'RETURN_OUTSTANDING' });
    await rig.client.retry(id, op(1));
    const again = await rig.until(id, (s) => s.state?.incidents.length === 0);
    expect(again.state!.returns!['x.json']).toMatchObject({ status: 'expected', rounds: 0, asks: 0 });
    expect(again.state!.returns!['x.json']!.deadline?.runningSince).toBeGreaterThan(0);
    expect((await submits(rig, id, { 'x.json': '{}' })).accepted).toBe(true);
    await rig.client.complete(id, { by, epoch: 1 });
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('resolveIncident takes it as done: recorded by whom, and why', async () => {
    const id = await worn(1);
    await rig.client.resolve(id, op(1));
    await rig.until(id, (s) => s.state?.incidents.length === 0);
    await rig.client.complete(id, { by, epoch: 1 });
    const outcome = await rig.client.result(id);
    expect(outcome).toMatchObject({ outcome: 'completed' });
    expect(outcome.warnings).toEqual([
      'x.json: taken as done by op: seen it',
      `y.json: not there when ${by} completed`,
    ]);
  });

  test('rollback undoes the whole handoff', async () => {
    const id = await worn(1);
    await submits(rig, id, { 'y.json': '{}' });
    await rig.client.rollback(id, op(1));
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'failed', by: 'op' });
    expect(lying(rig, id)).toBeUndefined();
  });

  test('rollback to a step takes back what was returned, and asks for everything anew', async () => {
    const id = await worn(1);
    await submits(rig, id, { 'y.json': '1' });
    await rig.client.rollback(id, { ...op(1), toStep: 'ask' });
    const { state } = await incident(id, 'inc-2');
    expect(state).toMatchObject({ status: 'running', returnEpoch: 2 });
    expect(lying(rig, id)).toBeUndefined();
    await rig.client.retry(id, op(2));
    await rig.untilStatus(id, 'awaiting_acceptance');
    const { epoch } = await rig.client.accept(id, { by });
    expect(await submits(rig, id, { 'x.json': '{}', 'y.json': '2' }, { epoch })).toMatchObject({ outstanding: [] });
    await rig.client.complete(id, { by, epoch });
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(await returned(rig, id)).toEqual(['1/y.json undone', '2/x.json applied', '2/y.json applied']);
    expect(lying(rig, id)).toEqual({ 'x.json': '{} 644', 'y.json': '2 644' });
  });

  test('rollback to a step of a procedure that accepts by itself', async () => {
    const id = await starts(rig, { 'x.json': { format: 'json' } }, { procedure: 'WORK_ONLY', rounds: 1 });
    await rig.untilStatus(id, 'accepted');
    await submits(rig, id, { 'x.json': 'no' });
    await incident(id);
    await rig.client.rollback(id, { ...op(1), toStep: 'work' });
    await incident(id, 'inc-2');
    await rig.client.retry(id, op(2));
    await rig.until(id, (s) => s.state?.acceptance.epoch === 2);
    expect((await submits(rig, id, { 'x.json': '{}' }, { epoch: 2 })).accepted).toBe(true);
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });
});

test('a destination that another open handoff holds: the submission fails whole, and leaves nothing', async () => {
  const source = { agent: AGENTS.source, phase: 'shared-source' };
  const first = await accepts(rig, { 'a.json': {} }, { source });
  await submits(rig, first, { 'a.json': '1' });
  const second = await accepts(rig, { 'a.json': {}, 'b.json': {} }, { source });
  await expect(submits(rig, second, { 'b.json': '2', 'a.json': '2' })).rejects.toMatchObject({
    code: 'DESTINATION_RESERVED',
  });
  const { state } = await rig.client.status(second);
  expect(state!.returns!['a.json']).toMatchObject({ status: 'expected', rounds: 0 });
  await rig.client.complete(first, { by, epoch: 1 });
  await rig.client.result(first);
  await expect
    .poll(
      () =>
        submits(rig, second, { 'b.json': '2', 'a.json': '2' }).then(
          (a) => a.accepted,
          () => false,
        ),
      {
        timeout: 20_000,
      },
    )
    .toBe(true);
  await rig.client.complete(second, { by, epoch: 1 });
  expect((await rig.client.result(second)).outcome).toBe('completed');
});
