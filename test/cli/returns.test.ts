import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accepts, by, lying, written } from '../handoff/return-parts.js';
import { Parts } from '../rig/parts.js';
import { Rig } from '../rig/rig.js';
import { handoff, json } from './rig.js';

const parts = new Parts();
let rig: Rig;
const at = (): string[] => ['--folder', rig.storage.folder, '--address', rig.address, '--task-queue', rig.taskQueue];
beforeAll(async () => {
  rig = await Rig.create(parts.options);
});
afterAll(() => rig.close());

const CONTRACT = {
  'app.json': { critical: true, required_fields: ['routes', 'a/b'] },
  'the notes.md': {},
};

test('submit-return: faults a line each and exit code 1, then what was taken and what is out', async () => {
  const id = await accepts(rig, CONTRACT);
  const [bad] = await written(rig, id, { 'app.json': '{}' });
  const args = ['submit-return', id, '--by', by, '--epoch', '1', ...at()];
  const first = await handoff([...args, '--artifact', `app.json=${bad!.path}`]);
  expect(first.code).toBe(1);
  expect(first.stdout.split('\n')).toEqual([
    `✗ ${id} has taken nothing of app.json. It can be sent again 2 times.`,
    '  app.json / missing_field: expected the field routes, found an empty object',
    '  app.json / missing_field: expected the field a/b, found an empty object',
    'Still out: app.json, the notes.md.',
    '',
  ]);
  const machine = await json<{ accepted: boolean; faults: { pointer: string }[]; roundsLeft: number }>([
    ...args,
    '--artifact',
    `app.json=${bad!.path}`,
  ]);
  expect(machine).toMatchObject({
    handoffId: id,
    accepted: false,
    roundsLeft: 1,
    faults: [{ pointer: '' }, {}],
  });
  const shown = await handoff(['show', id, ...at()]);
  expect(shown.stdout).toMatch(/Returns\n +NAME +STATUS/);
  expect(shown.stdout).toMatch(/app\.json +expected +critical, 2 × faults +2 h 0 min left/);
  expect(shown.stdout).toContain(
    `handoff submit-return ${id} --by ${by} --epoch 1 --artifact app.json=PATH --artifact 'the notes.md=PATH'`,
  );
  const refused = await handoff(['complete', id, '--by', by, '--epoch', '1', ...at()]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('error RETURN_OUTSTANDING: ') as unknown });
  await written(rig, id, { 'app.json': '{"routes":[],"a/b":1}', 'the notes.md': 'n' });
  const list = path.join(rig.folder, 'returns.yaml');
  await writeFile(list, `- { name: the notes.md, path: "${id}/the notes.md" }\n`);
  const taken = await handoff([...args, '--file', list, '--artifact', `app.json=${bad!.path}`]);
  expect(taken).toMatchObject({ code: 0, stderr: '' });
  expect(taken.stdout).toContain(
    `✓ ${id} has received the notes.md, app.json. All that was expected has come or is settled.`,
  );
  expect(Object.keys(lying(rig, id)!).toSorted()).toEqual(['app.json', 'the notes.md']);
  expect(await handoff(['complete', id, '--by', by, '--epoch', '1', ...at()])).toMatchObject({ code: 0 });
  const outcome = await json(['result', id, ...at()]);
  expect(outcome).toMatchObject({ returns: { 'app.json': { status: 'received', by, rounds: 2 } } });
});

test.each([
  [[], 'Name what comes back: --artifact NAME=PATH, or a list of them with --file.'],
  [['--artifact', 'app.json'], '--artifact app.json: write it as NAME=PATH.'],
  [['--artifact', '=x'], '--artifact =x: write it as NAME=PATH.'],
  [['--artifact', 'x='], '--artifact x=: write it as NAME=PATH.'],
  [['--artifact', '../x=y'], 'INVALID_MESSAGE'],
  [['--file', 'package.json'], 'package.json: a list of {"name", "path"} is expected'],
])('submit-return %j is wrong usage', async (args, why) => {
  const { code, stderr } = await handoff(['submit-return', 'ho_1', '--epoch', '1', ...args, ...at()]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
});

test('watch and incidents say whose turn it is', async () => {
  const id = await accepts(rig, { 'app.json': { critical: true, expected_in: 0.01 } }, { rounds: 1 });
  await rig.until(id, (s) => s.state?.returns?.['app.json']?.lateSince !== undefined);
  const row = async () =>
    (await json<{ handoffs: { handoffId: string }[] }>(['watch', '--once', ...at()])).handoffs.find(
      (h) => h.handoffId === id,
    );
  expect(await row()).toMatchObject({ late: 'return', waitsFor: `${by} to return app.json` });
  await handoff(['submit-return', id, '--by', by, '--epoch', '1', '--artifact', 'app.json=nowhere.json', ...at()]);
  await rig.until(id, (s) => s.state?.incidents.length === 1);
  const { stdout } = await handoff(['incidents', ...at()]);
  expect(stdout).toContain(`! ${id} inc-1: return of app.json — `);
  expect(stdout).toContain(`  handoff retry ${id} --incident inc-1 --reason "…"\n    ask for it again`);
  expect(await handoff(['resolve', id, '--reason', 'had it by mail', ...at()])).toMatchObject({ code: 0 });
  await rig.client.complete(id, { by, epoch: 1 });
  const end = await handoff(['result', id, ...at()]);
  expect(end.stdout).toMatch(/! not returned: app\.json: taken as done by \S+: had it by mail/);
});
