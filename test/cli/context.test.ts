import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { handoff, json, type Ended } from './rig.js';

// `handoff context`, on a folder of its own and without a server.
let folder: string;
beforeAll(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), 'handoff-context-')), '.handoff');
});
afterAll(() => rm(path.dirname(folder), { recursive: true, force: true }));

const context = (...args: string[]): Promise<Ended> => handoff(['context', ...args, '--folder', folder]);

test('entries are set, listed by pattern, read and deleted', async () => {
  await context('set', 's', 'plan/a', '{"b":2,"a":1}', '--by', '@planner', '--tag', 'final', '--tag', 'de');
  await context('set', 's', 'notes', `${'x'.repeat(300)}\u001b[2J`, '--by', '@writer');
  const { code, stdout } = await context('list', 's');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^KEY +VERSION +SIZE +SOURCE +TAGS +CHANGED +VALUE$/m);
  expect(stdout).toMatch(/^notes +1 +311 B +@writer +\d+ s ago +"x{199}…$/m);
  expect(stdout).toMatch(/^plan\/a +1 +13 B +@planner +final, de +\d+ s ago +\{"a":1,"b":2\}$/m);
  expect(stdout).not.toContain('\u001b');
  const found = await json<{ key: string; value: unknown }[]>([
    'context',
    'list',
    's',
    '{plan/?,none}',
    '--folder',
    folder,
  ]);
  expect(found).toMatchObject([{ key: 'plan/a', value: { a: 1, b: 2 }, source: '@planner', tags: ['final', 'de'] }]);
  expect(await context('list', 's', 'z*')).toMatchObject({ code: 0, stdout: 'Nothing in session s fits z*.\n' });
  expect(await context('get', 's', 'plan/a')).toMatchObject({ code: 0, stdout: '{\n  "a": 1,\n  "b": 2\n}\n' });
  expect(await context('delete', 's', 'notes', '--if-version', '2')).toMatchObject({ code: 1 });
  expect(await context('delete', 's', 'notes')).toMatchObject({ code: 0, stdout: 'Deleted notes of s.\n' });
  for (const verb of ['get', 'delete'])
    expect(await context(verb, 's', 'notes')).toMatchObject({ code: 1, stdout: 'Session s has no entry notes.\n' });
});

test('bad input is one line, and 2', async () => {
  for (const [args, line] of [
    [['list', 's', '[a'], 'error INVALID_CONTEXT: Not valid for a context: /: the pattern "[a" "[" at 1 is not closed'],
    [
      ['set', 's', '__proto__', '1'],
      'error INVALID_CONTEXT: Not valid for a context: /__proto__: the key must not be __proto__',
    ],
    [
      ['set', 's', 'k', '{"__proto__":1}'],
      'error INVALID_CONTEXT: Not valid for a context: /k/__proto__: the name __proto__ is not allowed',
    ],
    [['set', '../s', 'k', '1'], 'error INVALID_ID: Session "../s" is not a valid id: it must match ^[A-Za-z0-9]'],
  ] as const) {
    const { code, stderr } = await context(...args);
    expect([args, code, stderr.split('\n')[0]]).toEqual([args, 2, expect.stringContaining(line)]);
  }
});
