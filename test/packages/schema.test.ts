import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { packageJsonSchema } from '../../src/core/package/package-schema.js';
import { decodePackage, packageBytes } from '../../src/storage/packages/format.js';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const PUBLISHED = path.join(ROOT, 'schema', 'handoff-package.json');
const GOLDEN = path.join(ROOT, 'test', 'golden', 'packages');

const published = JSON.parse(readFileSync(PUBLISHED, 'utf8')) as object;
const ajv = new Ajv2020({ allErrors: true });
formats.default(ajv);
const valid = ajv.compile(published);

const files = readdirSync(GOLDEN, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
const read = (name: string): Buffer => readFileSync(path.join(GOLDEN, name));
type Fields = Record<string, unknown>;
const golden = (name: string): Fields => JSON.parse(read(`1.0.0/${name}.json`).toString()) as Fields;

test('the published schema is what the code says: `npm run schema` renews it', () => {
  expect(published).toEqual(packageJsonSchema());
});

test.each(files)('%s fits the published schema', (name) => {
  valid(JSON.parse(read(name).toString()));
  expect(valid.errors ?? []).toEqual([]);
});

describe('packages of every version are read, and written again to the byte', () => {
  test.each(files.filter((name) => !name.endsWith('agent.json')))('%s', (name) => {
    const key = name.includes('signed') ? { key: 'golden', keyId: 'test-1' } : undefined;
    expect(packageBytes(decodePackage(read(name), key), key).equals(read(name))).toBe(true);
  });

  test('unknown fields are there on every level', () => {
    const all = decodePackage(read('1.0.0/unknown-fields.json'));
    expect(all).toMatchObject({
      'x-team': { blue: [1, 2.5, 1e21, null, true] },
      context: { note: 'of the context', entries: [{ own: { a: 1 }, metadata: { confidence: 0.75 } }] },
      checkpoint: { cursor: { row: 17 } },
      metadata: { labels: ['later', 'minor'], version: '1.4.0' },
      instructions: { hurry: true },
    });
  });
});

const without = (document: Fields, ...fields: string[]): Fields =>
  Object.fromEntries(Object.entries(document).filter(([key]) => !fields.includes(key)));
const pipeline = golden('pipeline');
const agent = golden('agent');
const inner = (of: Fields, field: string): Fields => of[field] as Fields;

test.each<[string, unknown]>([
  ['nothing', {}],
  ['a list', []],
  ['no checkpoint', without(pipeline, 'checkpoint')],
  ['no integrity', without(pipeline, 'integrity')],
  ['an id that leaves the folder', { ...pipeline, id: '../hof-1' }],
  ['a date that is none', { ...pipeline, createdAt: 'yesterday' }],
  ['a date that is a number', { ...pipeline, createdAt: 1 }],
  ['another major', { ...pipeline, metadata: { ...inner(pipeline, 'metadata'), version: '2.0.0' } }],
  ['half a step', { ...pipeline, checkpoint: { ...inner(pipeline, 'checkpoint'), step: 0.5 } }],
  ['a status of its own', { ...pipeline, checkpoint: { ...inner(pipeline, 'checkpoint'), status: 'done' } }],
  ['an entry without a key', { ...pipeline, context: { ...inner(pipeline, 'context'), entries: [{ value: '1' }] } }],
  [
    'a value that is no text',
    { ...pipeline, context: { ...inner(pipeline, 'context'), entries: [{ key: 'a', value: 1 }] } },
  ],
  ['a checksum of no length', { ...pipeline, integrity: { algorithm: 'sha256', checksum: 'abc' } }],
  [
    'an algorithm that we do not have',
    { ...pipeline, integrity: { ...inner(pipeline, 'integrity'), algorithm: 'md5' } },
  ],
  ['verifiedAt, which is never stored', { ...pipeline, integrity: { ...inner(pipeline, 'integrity'), valid: true } }],
  ['a document without a task', { ...agent, instructions: {} }],
  ['a document for nobody', without(agent, 'targetAgent')],
  ['a document of no version', without(agent, 'version')],
  ['a priority of its own', { ...agent, priority: 'soon' }],
  ['a trace without its result', { ...agent, trace: without(inner(agent, 'trace'), 'success') }],
])('the published schema refuses %s', (_, document) => {
  expect(valid(document)).toBe(false);
});
