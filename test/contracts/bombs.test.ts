import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SendSpec } from '../../src/core/contract.js';
import { Place, lines } from './place.js';

let place: Place;
beforeEach(async () => {
  place = await Place.make();
});
afterEach(() => place.remove());

const CATASTROPHE: SendSpec = { schema: { properties: { s: { pattern: '^(a+)+$' } } } };

test('a pipe that nobody writes to, in place of a schema, is none', async () => {
  execFileSync('sh', ['-c', 'mkfifo "$0"', path.join(place.sources[0]!, 'schemas', 'pipe.json')]);
  await place.file('a.json', '{}');
  const { errors } = await place.validate({ 'a.json': { schema: 'pipe.json' } });
  expect(lines(errors)).toEqual(['schema_missing a.json: expected the schema pipe.json, found none of that name']);
});

describe('time and memory', () => {
  test('a regular expression that never ends is ended at its limit, and the next artifact is looked at', async () => {
    await place.file('evil.json', JSON.stringify({ s: `${'a'.repeat(60)}!` }));
    await place.file('good.json', '{"n":"x"}');
    // The thread is up and its code is warm before the time is taken.
    await place.validate({ 'good.json': { schema: true } });
    const started = performance.now();
    const { errors } = await place.validate(
      { 'evil.json': CATASTROPHE, 'good.json': { schema: { properties: { n: { type: 'number' } } } } },
      undefined,
      { limits: { timeMs: 2000 } },
    );
    const took = performance.now() - started;
    expect(lines(errors)).toEqual([
      'timed_out evil.json: expected a check within 2 s, found one that takes longer',
      'wrong_type good.json at /n: expected number, found "x"',
    ]);
    expect(took).toBeGreaterThan(1900);
    // It would take for ever, and a busy machine takes its time.
    expect(took).toBeLessThan(30_000);
  });

  test('an abort stops a check at once, with its own reason', async () => {
    await place.file('evil.json', JSON.stringify({ s: `${'a'.repeat(60)}!` }));
    const stop = new AbortController();
    const reason = new Error('asked to stop');
    setTimeout(() => stop.abort(reason), 300);
    const started = performance.now();
    const looking = place.validate({ 'evil.json': CATASTROPHE }, undefined, {
      signal: stop.signal,
      limits: { timeMs: 60_000 },
    });
    await expect(looking).rejects.toBe(reason);
    // The limit is twice as far.
    expect(performance.now() - started).toBeLessThan(30_000);
    await place.file('evil.json', '{"s":"aa"}');
    expect(await place.validate({ 'evil.json': CATASTROPHE })).toMatchObject({ valid: true });
  });

  test('many at once share one thread, and one that never ends fails alone', async () => {
    await place.file('evil.json', JSON.stringify({ s: `${'a'.repeat(60)}!` }));
    await place.file('good.json', '{"s":"aa"}');
    const names = ['good.json', 'evil.json', 'good.json', 'good.json'];
    const found = await Promise.all(
      names.map((n) => place.validate({ [n]: CATASTROPHE }, undefined, { limits: { timeMs: 2000 } })),
    );
    expect(found.map((f) => f.errors.map((e) => e.code))).toEqual([[], ['timed_out'], [], []]);
  });

  test('the thread keeps no process alive', async () => {
    await place.file('good.json', '{}');
    const dist = pathToFileURL(path.resolve('dist', 'contracts', 'handoff.js')).href;
    // An idle thread is kept for a while: a process that ends because the thread has ended would say so.
    const script = `
      process.on('worker', (thread) => thread.once('exit', () => console.log('the thread has ended')));
      const { validateDataContract } = await import('${dist}');
      const sends = { 'good.json': { schema: true } };
      const options = { sources: ['${place.sources.join()}'] };
      const { valid } = await validateDataContract({ contract: { sends } }, [{ name: 'good.json', path: 'good.json' }], options);
      console.log(valid);
      process.on('exit', () => console.log('exit'));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(0);
    expect(out).toBe('true\nexit\n');
  });

  test('values beyond what fits into memory are counted before they are made', async () => {
    await place.file('big.json', `[${'{},'.repeat(2_500_000)}{}]`);
    const { errors } = await place.validate({ 'big.json': { schema: true } });
    expect(lines(errors)).toEqual(['too_large big.json: expected at most 4000000 values, found about 5000002']);
  });

  test('a file of more than 64 MB is not read; where nothing has to be looked into, it may have any size', async () => {
    const file = await place.file('huge.json', '');
    await truncate(file, (64 << 20) + 1);
    const look = (send: SendSpec) => place.validate({ 'huge.json': send });
    const said = 'too_large huge.json: expected at most 67108864 bytes, to be looked into, found 67108865';
    expect(lines((await look({ schema: true })).errors)).toEqual([said]);
    expect(lines((await look({ required_fields: ['a'] })).errors)).toEqual([said]);
    expect(lines((await look({ format: 'yaml' })).errors)).toEqual([said]);
    const byFormat = await look({ format: 'json' });
    expect([byFormat.valid, lines(byFormat.warnings)]).toEqual([true, [said]]);
    expect(await look({})).toMatchObject({ valid: true, warnings: [] });
  });

  test('a schema of more than 1 MB is refused', async () => {
    await place.file('a.json', '{}');
    const enumerated = { enum: Array.from({ length: 110_000 }, (_, i) => `value ${i}`) };
    await place.file('schemas/large.json', JSON.stringify(enumerated));
    for (const schema of [enumerated, 'large.json'])
      expect((await place.validate({ 'a.json': { schema } })).errors.map((e) => e.code)).toEqual(['too_large']);
  });

  test('a chain of references too long for the stack is an error of the schema, and no crash', async () => {
    await place.file('a.json', '{}');
    const $defs = Object.fromEntries(
      Array.from({ length: 12_000 }, (_, i) => [`d${i}`, { $ref: `#/$defs/d${i + 1}` }] as const),
    );
    const schema = { $defs: { ...$defs, d12000: { type: 'string' } }, $ref: '#/$defs/d0' };
    const { errors } = await place.validate({ 'a.json': { schema } });
    expect(errors).toHaveLength(1);
    expect(['schema_invalid', 'timed_out']).toContain(errors[0]!.code);
    expect(await place.validate({ 'a.json': { schema: true } })).toMatchObject({ valid: true });
  });
});

describe('nothing is fetched', () => {
  test.each(['$ref', '$dynamicRef', '$schema', '$id'])('by %s', async (keyword) => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end('{"type":"string"}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.json`;
      await place.file('a.json', '{}');
      await place.file('schemas/file.json', JSON.stringify({ [keyword]: url }));
      for (const schema of [{ [keyword]: url }, { properties: { x: { [keyword]: url } } }, 'file.json']) {
        const { errors } = await place.validate({ 'a.json': { schema } });
        const said = errors.map((e) => [e.code, e.message.includes(`"${url}", which is not; nothing is fetched`)]);
        expect(said).toEqual(keyword === '$ref' ? [['schema_invalid', true]] : said);
      }
      expect(asked).toEqual([]);
      // It would have told.
      await fetch(url);
      expect(asked).toEqual(['/a.json']);
    } finally {
      server.close();
    }
  });
});

describe('pollution', () => {
  test('keys such as __proto__ change no prototype, here or in the thread', async () => {
    const bad = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    await place.file('bad.json', bad);
    await place.file('bad.yaml', '__proto__:\n  polluted: 1\nconstructor:\n  prototype:\n    polluted: 1\n');
    await place.file('bad.csv', '__proto__,constructor\npolluted,polluted\n');
    await place.file('schemas/bad.json', `{"properties":${bad},"$defs":${bad},"default":${bad}}`);
    await place.file('good.json', '{}');
    const sends: Record<string, SendSpec> = {
      'bad.json': { schema: 'bad.json', format: 'yaml' },
      'bad.yaml': { schema: JSON.parse(bad) as Record<string, unknown>, format: 'json' },
      'bad.csv': { schema: true, format: 'json', required_fields: [] },
      // Every object would have the field, were the thread's prototype polluted.
      'good.json': { schema: { required: ['polluted'] }, required_fields: ['polluted'] },
    };
    const { errors } = await place.validate(sends);
    expect(errors.filter((e) => e.artifact === 'good.json').map((e) => e.code)).toEqual([
      'schema_violation',
      'missing_field',
    ]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('schema files', () => {
  test('a link that leads out of the schema folder names no schema', async () => {
    await place.file('a.json', '{}');
    const secret = path.join(place.root, 'secret.json');
    await writeFile(secret, '{"type":"string"}');
    await symlink(secret, path.join(place.sources[0]!, 'schemas', 'link.json'));
    const { errors } = await place.validate({ 'a.json': { schema: 'link.json' } });
    expect(lines(errors)).toEqual(['schema_missing a.json: expected the schema link.json, found none of that name']);
  });

  test.each([
    '..',
    '.',
    '',
    '/',
    '../schemas/../secret.json',
    'a\0.json',
    '../../../../../../etc/hostname',
    './../x',
    '\\..\\x',
  ])('the name %j reads nothing outside its folder', async (schema) => {
    await place.file('a.json', '{}');
    await place.file('secret.json', '{"type":"string"}');
    const { errors } = await place.validate({ 'a.json': { schema } });
    expect(errors.map((e) => e.code)).toEqual(['schema_missing']);
  });
});
