import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiRig } from './rig.js';

let api: ApiRig;
let document: Record<string, unknown>;
beforeAll(async () => {
  api = await ApiRig.create({}, { start: false });
  document = (await api.ask('GET', '/openapi.json')).body;
});
afterAll(() => api.close());

const refsIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return [];
  const own = (value as { $ref?: unknown }).$ref;
  return [...(typeof own === 'string' ? [own] : []), ...Object.values(value).flatMap(refsIn)];
};

test('what the document refers to is in it', () => {
  const there = (ref: string): unknown =>
    ref
      .replace(/^#\//, '')
      .split('/')
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
  const refs = [...new Set(refsIn(document))];
  expect(refs).toContain('#/components/schemas/Problem');
  expect(refs.filter((ref) => there(ref) === undefined)).toEqual([]);
});

test('every path that docs/api-handoffs.md names is in the document', () => {
  const page = readFileSync('docs/api-handoffs.md', 'utf8');
  const paths = Object.keys(document['paths'] as object).map((p) => p.replace(/^.*\/agent-handoff/, ''));
  const named = [...page.matchAll(/`(?:GET|POST|DELETE) (\/[a-z]+)/g)].map((m) => m[1]!);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((n) => !paths.some((p) => p === n || p.startsWith(`${n}/`)))).toEqual([]);
});
