import { afterAll, beforeAll, expect, test } from 'vitest';
import { ERRORS } from '../../src/core/errors.js';
import { POLICY } from '../../src/core/service/policy.js';
import { ApiRig, P } from './rig.js';

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  security: object[];
  description: string;
  parameters?: { in: string; name: string }[];
  requestBody?: object;
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  servers: { url: string }[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

let api: ApiRig;
let document: Document;
let operations: [string, string, Operation][];
beforeAll(async () => {
  api = await ApiRig.create({}, { start: false });
  document = (await api.ask<Document>('GET', '/openapi.json')).body;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, string, Operation] => [method, path, operation]),
  );
});
afterAll(() => api.close());

test('the document is of OpenAPI 3.1, relative to where it is served, and whole', () => {
  expect(document.openapi).toBe('3.1.0');
  expect(document.servers).toEqual([{ url: '/' }]);
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((m) => m[1]!);
  const known = new Set(Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`));
  expect([...new Set(refs)].filter((ref) => !known.has(ref))).toEqual([]);
  expect(operations.length).toBeGreaterThan(10);
});

test('every operation has a name of its own, a tag, a summary, and who may call it', () => {
  const names = operations.map(([, , o]) => o.operationId);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  const tags = new Set(document.tags.map((t) => t.name));
  for (const [method, path, { summary, tags: own, security, description }] of operations) {
    expect([method, path, summary.length > 3 && own.every((t) => tags.has(t)) && security !== undefined]).toEqual([
      method,
      path,
      true,
    ]);
    const act = /policy table: `(\w+\.\w+)`/.exec(description)?.[1];
    if (act && /policy table/.test(description)) expect(Object.keys(POLICY)).toContain(act);
  }
});

test('every operation says which problems it can answer, as problems, with codes of that status', () => {
  for (const [method, path, { responses, security, requestBody }] of operations) {
    const statuses = Object.keys(responses).map(Number);
    const writes = method !== 'get';
    const expected = [
      400,
      ...(path.includes('/health') ? [] : [429]),
      500,
      503,
      ...(security.length > 0 ? [401] : []),
      ...(requestBody ? [413, 415] : []),
      ...(writes && security.length > 0 ? [403] : []),
    ];
    expect([method, path, expected.filter((s) => !statuses.includes(s))]).toEqual([method, path, []]);
    for (const status of statuses.filter((s) => s >= 400)) {
      const { content, description } = responses[status]!;
      expect(content).toHaveProperty(['application/problem+json']);
      for (const [, code] of description.matchAll(/`([A-Z_]+)`/g)) {
        expect([code, ERRORS[code as keyof typeof ERRORS].http]).toEqual([code, status]);
      }
    }
  }
});

test('a write names itself in a header; all paths but those at the top are below the prefix', () => {
  const writes = operations.filter(([m, , o]) => m !== 'get' && '409' in o.responses && o.security.length > 0);
  const without = writes.filter(([, , o]) => !o.parameters?.some((p) => p.name === 'Idempotency-Key'));
  expect(without.map(([, path]) => path)).toEqual([]);
  const top = Object.keys(document.paths).filter((path) => !path.startsWith(`${P}/`));
  expect(top.filter((path) => path !== '/metrics')).toEqual([]);
});

test('the page that shows it has all that it needs on this host', async () => {
  const page = await api.ask('GET', '/docs/');
  expect(page.status).toBe(200);
  const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((m) => m[1]!);
  expect(files.length).toBeGreaterThan(3);
  for (const file of files) {
    expect(file).toMatch(/^\.\//);
    expect([file, (await api.ask('GET', `/docs/${file.slice(2)}`)).status]).toEqual([file, 200]);
  }
  expect(page.text).not.toMatch(/<script(?![^>]*src=)[^>]*>\s*\S/);
});
