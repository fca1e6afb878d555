import { writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { transformer } from '../../src/contracts/transformers.js';
import type { SendSpec } from '../../src/core/contract.js';
import type { Subject } from '../../src/core/request.js';
import { areQuick } from '../../src/core/rule.js';
import { Corner, contractOf } from './corner.js';

const ALL = ['DC001', 'DC002', 'DC003', 'DC004', 'DC005', 'DC006'];
let turned = 0;
let meanwhile = (): void => {};
let corner: Corner;
beforeAll(async () => {
  corner = await Corner.open({
    transformers: [
      transformer('text', 'json', (content) => {
        turned++;
        meanwhile();
        return JSON.stringify({ text: content.toString() });
      }),
    ],
  });
});
afterAll(() => corner.close());

const subjectOf = (id: string, sends: Record<string, SendSpec>, artifacts: string[]): Promise<Subject> =>
  corner.subject(id, {
    artifacts: artifacts.map((name) => ({ name, path: name })),
    contract: contractOf(sends),
    target: { phase: id },
  });

const SOUND: SendSpec = { schema: { properties: { n: { type: 'number', minimum: 1 } } }, required_fields: ['n'] };

test.each<[string, Record<string, SendSpec>, string, string[]]>([
  [
    'DC001',
    { 'dc.json': {}, 'gone.json': {} },
    'gone.json: expected a file that is required, found none of that name',
    [],
  ],
  [
    'DC002',
    { 'dc.json': { schema: { properties: { n: { minimum: 7 } } } } },
    'dc.json at /n: expected a number >= 7, found 2',
    [],
  ],
  [
    'DC003',
    { 'dc.json': { checksum: 'ab'.repeat(32) } },
    `dc.json: expected sha256 ${'ab'.repeat(32)}, as the contract says, found`,
    [],
  ],
  [
    'DC004',
    { 'dc.json': { required_fields: ['m', 'n', 'o'] } },
    'dc.json: expected the field m, found an object with n; dc.json: expected the field o, found an object with n',
    [],
  ],
  [
    'DC005',
    { 'dc.json': { schema: { properties: { n: { type: 'string' } } } } },
    'dc.json at /n: expected string, found 2',
    ['DC002'],
  ],
  [
    'DC006',
    { 'dc.json': { requires: ['gone.json'] } },
    'dc.json: expected gone.json, which it requires, found nothing',
    [],
  ],
])('%s fails for its own faults, and the others pass', async (rule, sends, message, too) => {
  await corner.file('dc.json', '{"n":2}');
  const subject = await subjectOf(`fails-${rule.toLowerCase()}`, sends, ['dc.json']);
  const { session } = await corner.validate(subject, ALL);
  const results = await corner.results(subject, session);
  expect(
    results
      .filter((r) => !r.passed)
      .map((r) => r.rule)
      .toSorted(),
  ).toEqual([rule, ...too].toSorted());
  expect(results.find((r) => r.rule === rule)!.message.slice(0, message.length)).toBe(message);
  const count = Object.keys(sends).length;
  expect(results.filter((r) => r.passed).map((r) => r.message)).toEqual(
    Array(5 - too.length).fill(`${count} artifacts by contract`),
  );
});

test('all pass where the contract is kept, and say so where there is none', async () => {
  await corner.file('dc.json', '{"n":2}');
  const kept = await subjectOf('kept', { 'dc.json': SOUND, 'notes.md': { required: false } }, ['dc.json']);
  expect(await corner.validate(kept, ALL)).toMatchObject({ passed: true, rules: 6 });
  expect(await corner.finds(kept, 'DC001')).toEqual([
    true,
    '2 artifacts by contract; notes.md: expected a file, where there is one, found none of that name',
  ]);
  const none = await corner.subject('none', {});
  for (const rule of ALL) expect(await corner.finds(none, rule)).toEqual([true, 'there is no contract']);
});

test('many faults are told in one bounded line', async () => {
  await corner.file('dc.json', '{"n":2}');
  const fields = Array.from({ length: 40 }, (_, i) => `f${i}`);
  const subject = await subjectOf('many', { 'dc.json': { required_fields: fields } }, ['dc.json']);
  const [passed, message] = await corner.finds(subject, 'DC004');
  expect(passed).toBe(false);
  expect(message).toMatch(/f4, found an object with n; and 35 more$/);
});

test('the six rules of a session share one look', async () => {
  await corner.file('text.txt', 'hello');
  const subject = await subjectOf('shared', { 'text.txt': { format: 'json', required_fields: ['text'] } }, [
    'text.txt',
  ]);
  turned = 0;
  expect(await corner.validate(subject, ALL)).toMatchObject({ passed: true });
  expect(turned).toBe(1);
  // Another session looks anew.
  await corner.validate(subject, ALL);
  expect(turned).toBe(2);
});

test('they read whole artifacts, so no check made of them runs as a local activity', () => {
  for (const rule of ALL) expect(areQuick([rule])).toBe(false);
});

test('what changes between the look and the copy does not arrive', async () => {
  await corner.file('text.txt', 'hello');
  const changed = await corner.file('changes.json', '{"n":2}');
  const sends = { 'changes.json': SOUND, 'text.txt': { format: 'json' } };
  const subject = await subjectOf('changes', sends, ['changes.json', 'text.txt']);
  meanwhile = () => writeFileSync(changed, '{"n":"x"}');
  await expect(corner.act(subject, 'transfer', { what: ['artifacts'] })).rejects.toMatchObject({
    code: 'ARTIFACT_CHANGED',
    message: 'Artifact changes.json changed while it was read: it is not what was looked at by the contract',
  });
  // The next attempt sees what is there now.
  await expect(corner.act(subject, 'transfer', { what: ['artifacts'] })).rejects.toMatchObject({
    code: 'CONTRACT_BROKEN',
  });
  meanwhile = () => {};
  expect((await corner.storage.ledger.list('changes')).filter((e) => e.status === 'applied')).toEqual([]);
});

describe('once artifacts have arrived', () => {
  test('they look at what arrived, and no more at the sources', async () => {
    await corner.file('text.txt', 'hello');
    const source = await corner.file('dc.json', '{"n":2}');
    const sends = { 'dc.json': SOUND, 'text.txt': { format: 'json', required_fields: ['text'] } };
    const subject = await subjectOf('arrived', sends, ['dc.json', 'text.txt']);
    await corner.act(subject, 'transfer', { what: ['artifacts'] });
    await rm(source);
    expect(await corner.validate(subject, ALL)).toMatchObject({ passed: true, failures: [] });
    const folder = path.join(corner.storage.root, 'artifacts', 'phase_arrived');
    await writeFile(path.join(folder, 'dc.json'), '{"n":"x"}');
    const { failures } = await corner.validate(subject, ALL);
    expect(failures.map((f) => f.slice(0, 5))).toEqual(['DC002', 'DC003', 'DC005']);
    expect(failures[1]).toContain(', as it arrived, found');
    await rm(path.join(folder, 'text.txt'));
    expect((await corner.finds(subject, 'DC001'))[0]).toBe(false);
  });

  test('the ledger says of what it was made, and by what', async () => {
    await corner.file('text.txt', 'hello');
    const subject = await subjectOf('made', { 'text.txt': { format: 'json', schema: true } }, ['text.txt']);
    await corner.act(subject, 'transfer', { what: ['artifacts'] });
    const [row] = await corner.storage.ledger.list('made');
    const original = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    expect(row!.data).toMatchObject({
      format: 'json',
      schema: 'inline',
      schemaValid: true,
      transformer: 'text_to_json',
      originalSha256: original,
    });
  });
});
