import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocument } from '../../src/cli/input.js';
import { parseText } from '../../src/core/json/parse-text.js';
import { handoff } from './rig.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'handoff-cli-input-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  const at = path.join(folder, name);
  await writeFile(at, text);
  return at;
}
const why = (text: string, format: 'JSON' | 'YAML'): unknown => {
  try {
    return { parsed: parseText(text, 'it', format) };
  } catch (error) {
    return (error as { params: { why: string } }).params.why;
  }
};

describe('documents', () => {
  it.each<[string, RegExp]>([
    ['{"a": 1,\n  "b": }', /^line 2, column 8: /],
    ['{"a": 1', /^line 1, column 8: /],
    ['{"a": 1} x', /^line 1, column 10: /],
    ['[1, 2,]', /^line 1, column 7: /],
    ['{"a" 1}', /^line 1, column 6: /],
    ['{"a": tru}', /^line 1, column 7: /],
    ['{"a": "b\nc"}', /^line 1, column 7: /],
    ['[01]', /^line 1, column 2: /],
    ['', /^it is empty$/],
    ['['.repeat(200_000), /./],
  ])('says where JSON is malformed, row %$', (text, expected) => {
    expect(why(text, 'JSON')).toMatch(expected);
  });

  it.each([
    ['a: 1\nb: [1, 2', /^line 2, column \d+: /],
    ['a: 1\na: 2', /^line 2, column 1: .*unique/],
    ['a:\n\t- 1', /^line 2, column 1: /],
  ])('says where YAML is malformed: %j', (text, expected) => {
    expect(why(text, 'YAML')).toMatch(expected);
  });

  it('refuses an alias bomb without building it', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 12; i++) {
      const before = String.fromCodePoint(96 + i);
      bomb.push(
        `${String.fromCodePoint(97 + i)}: &${String.fromCodePoint(97 + i)} [${Array(10).fill(`*${before}`).join(',')}]`,
      );
    }
    expect(why(bomb.join('\n'), 'YAML')).toMatch(/alias/i);
  });

  it('takes YAML and JSON by name, and by content where the name does not say', async () => {
    expect(await readDocument(await file('a.yaml', 'a: {b: [1]}'))).toEqual({ a: { b: [1] } });
    expect(await readDocument(await file('a.json', '\uFEFF{"a": 1}'))).toEqual({ a: 1 });
    expect(await readDocument(await file('noname', '{"a": 1}'))).toEqual({ a: 1 });
    await expect(readDocument(await file('bad', '{"a": '))).rejects.toMatchObject({ params: { format: 'JSON' } });
  });

  it('refuses what is over 1 MiB before it parses it', async () => {
    const large = await file('large.json', `{${'x'.repeat(1024 * 1024)}`);
    await expect(readDocument(large)).rejects.toMatchObject({
      code: 'INPUT_TOO_LARGE',
      params: { size: 1024 * 1024 + 1 },
    });
  });
});

describe('bad input on the command line', () => {
  const at = (name: string): string[] => ['--folder', path.join(folder, name)];

  it.each([
    ['a file that is not there', ['run', '/no/such/file.json'], 'USAGE', 2],
    ['a folder in place of a file', ['run', '/'], 'USAGE', 2],
    ['an unknown verb', ['runn', 'x'], 'USAGE', 2],
    ['an unknown option', ['list', '--colour'], 'USAGE', 2],
    ['an argument too few', ['show'], 'USAGE', 2],
    ['a number that is none', ['complete', 'x', '--epoch', 'one'], 'USAGE', 2],
    ['no server', ['status', 'x', '--address', '127.0.0.1:1'], 'TEMPORAL_UNREACHABLE', 3],
    ['a folder without data', ['agents', 'list', '--folder', '/no/such/folder'], 'FOLDER_NOT_FOUND', 2],
  ])('%s: one line, and the same as JSON', async (_, args, code, exitCode) => {
    const [text, json] = await Promise.all([handoff(args), handoff([...args, '--json'])]);
    expect(text).toMatchObject({ code: exitCode, stdout: '' });
    const [first, ...rest] = text.stderr.trim().split('\n');
    expect(first).toMatch(new RegExp(`^error ${code}: \\S`));
    expect(rest.every((line) => line.startsWith('See: '))).toBe(true);
    expect(json.code).toBe(exitCode);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code, params: {} } });
    expect(json.stderr).toBe('');
  });

  it('malformed and oversized stdin', async () => {
    const [bad, large] = await Promise.all([
      handoff(['run', '-', '--json', ...at('a')], { input: '{"a": 1,,}' }),
      handoff(['run', '-', '--json', ...at('b')], { input: 'x'.repeat(1024 * 1024 + 5) }),
    ]);
    const error = (e: { stdout: string }): unknown => (JSON.parse(e.stdout) as { error: unknown }).error;
    expect([bad.code, large.code]).toEqual([2, 2]);
    expect(error(bad)).toMatchObject({
      code: 'INVALID_JSON',
      message: expect.stringContaining('line 1, column 9') as unknown,
    });
    expect(error(large)).toMatchObject({ code: 'INPUT_TOO_LARGE' });
  });

  it('does not pass control characters on to the terminal', async () => {
    const { stderr } = await handoff(['effects', 'x', '--folder', '/tmp/\u001b[31mred']);
    expect(stderr).toContain('\\x1b[31mred');
    expect(stderr).not.toContain('\u001b');
  });
});
