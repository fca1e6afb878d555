import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { validateDataContract } from '../../src/contracts/handoff.js';
import type { SendSpec } from '../../src/core/contract.js';
import type { ArtifactSpec } from '../../src/core/request.js';
import { Place, lines } from './place.js';

interface Case extends Partial<ArtifactSpec> {
  title: string;
  /** Bytes where it is a list, a folder where it is null, nothing where it is absent. */
  content?: string | number[] | null;
  send?: SendSpec;
  given?: boolean;
  /** Another artifact that is given, and what the contract says of it. */
  also?: string;
  alsoName?: string;
  alsoSpec?: SendSpec;
  pinned?: Record<string, unknown>;
  errors: string[];
  warnings?: string[];
}

const { schemas, cases } = JSON.parse(readFileSync(new URL('cases.json', import.meta.url), 'utf8')) as {
  schemas: Record<string, string>;
  cases: Case[];
};

let places: Place[] = [];
beforeAll(async () => {
  places = await Promise.all(cases.map(() => Place.make()));
});
afterAll(() => Promise.all(places.map((p) => p.remove())));

test('the table has good and bad cases, at least a hundred, each once', () => {
  expect(cases.length).toBeGreaterThanOrEqual(100);
  expect(new Set(cases.map((c) => c.title)).size).toBe(cases.length);
  expect(cases.filter((c) => c.errors.length === 0).length).toBeGreaterThan(15);
});

test.each(cases.map((c, i) => ({ ...c, i })))('$title', async ({ i, ...c }) => {
  const place = places[i]!;
  for (const [name, text] of Object.entries(schemas)) await place.file(path.join('schemas', name), text);
  await place.file('secret.json', '{}');
  const name = c.name ?? 'a.json';
  if (c.content === null) await mkdir(path.join(place.sources[0]!, name));
  else if (c.content !== undefined)
    await place.file(name, typeof c.content === 'string' ? c.content : Uint8Array.from(c.content));
  const { sha256, format, transformTo } = c;
  const artifacts: ArtifactSpec[] =
    c.given === false ? [] : [{ name, path: c.path ?? name, sha256, format, transformTo }];
  if (c.also) {
    await place.file(c.also, 'x');
    artifacts.push({ name: c.also, path: c.also });
  }
  const sends: Record<string, SendSpec> = c.send ? { [name]: c.send } : {};
  if (c.alsoSpec) sends[(c.also ?? c.alsoName)!] = c.alsoSpec;
  const contract = { digest: '', source: {}, target: {}, sends, returns: {}, maxReturnRounds: 3, timing: {} };
  const found = await validateDataContract({ ...contract, schemas: c.pinned ?? {} }, artifacts, {
    sources: place.sources,
  });
  const said = (faults: typeof found.errors): string[] => lines(faults).map((l) => l.replaceAll(place.root, 'ROOT'));
  expect(said(found.errors)).toEqual(c.errors);
  expect(said(found.warnings)).toEqual(c.warnings ?? []);
  expect(found.valid).toBe(c.errors.length === 0);
  // Each fault has all of its parts, on one line.
  for (const fault of [...found.errors, ...found.warnings]) {
    expect(Object.values(fault).filter((v) => typeof v !== 'string' || v.includes('\n'))).toEqual([]);
    expect(fault.pointer === '' || fault.pointer.startsWith('/')).toBe(true);
  }
});

test('all faults of all artifacts come at once, in the order of the contract', async () => {
  const place = places[0]!;
  await place.file('one.json', '{"n":"x"}');
  await place.file('two.json', '{"n":1}');
  const n: SendSpec = { schema: { properties: { n: { type: 'number' } } }, required_fields: ['m'] };
  const found = await place.validate(
    { 'two.json': n, 'gone.json': {}, 'one.json': { ...n, requires: ['gone.json'] }, 'notes.md': { required: false } },
    ['one.json', 'two.json'].map((name) => ({ name, path: name })),
  );
  expect(found.errors.map((f) => `${f.artifact} ${f.code} ${f.pointer}`)).toEqual([
    'two.json missing_field ',
    'gone.json missing_artifact ',
    'one.json missing_field ',
    'one.json wrong_type /n',
    'one.json missing_dependency ',
  ]);
  expect(found.warnings.map((f) => `${f.artifact} ${f.code}`)).toEqual(['notes.md missing_artifact']);
  expect(found.artifacts_available).toEqual(['two.json', 'one.json']);
});

test('of very many faults the first are told, and how many more there are', async () => {
  const place = places[0]!;
  await place.file('many.json', JSON.stringify(Array.from({ length: 30_000 }, () => 'x')));
  const { errors } = await place.validate({ 'many.json': { schema: { items: { type: 'number' } } } });
  expect(errors).toHaveLength(201);
  expect(errors[199]!.pointer).toBe('/199');
  expect(errors[200]!.message).toBe('many.json: expected at most 200 faults, found 29800 more, which are not listed');
});
