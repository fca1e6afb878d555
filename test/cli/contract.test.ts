import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlaceOptions } from '../../src/cli/place.js';
import { readRequest, type RequestOptions } from '../../src/cli/request.js';
import { contractName } from '../../src/core/contract.js';
import { digestOf } from '../../src/core/digest.js';
import { openStorage } from '../../src/storage/storage.js';
import { S2_TEXT, s2 } from '../core/contract-document.js';
import { handoff, json } from './rig.js';

const S2_FILE = 'examples/input/contract.json';
let base: string;
const at = (): string[] => ['--folder', path.join(base, 'data')];
const write = async (name: string, content: unknown): Promise<string> => {
  const file = path.join(base, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};

beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-contract-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

describe('contract check', () => {
  it("takes S2's document, with a warning for each of its schema files and for its example, and exit code 0", async () => {
    const { code, stdout, stderr } = await handoff(['contract', 'check', S2_FILE]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const folders = 'examples/input, examples/input/schemas';
    const missing = (place: string, name: string): string =>
      `warning /contract/${place}/schema: the schema file ${name}.schema.json is not in ${folders}`;
    expect(stdout.trimEnd().split('\n')).toEqual([
      missing('sends/code-architecture.json', 'code-architecture'),
      missing('sends/module-structure.json', 'module-structure'),
      missing('expects_in_return/express-app.json', 'express-output'),
      missing('expects_in_return/api-routes.json', 'api-routes'),
      'warning /contract/sends/code-architecture.json/example: lacks dependencies, coding_standards',
      '✓ @code-architect (phase 8) → @nodejs-specialist (phase 13): 2 sent, 3 expected back.',
    ]);
  });

  it('says the same as JSON, and from stdin', async () => {
    const found = await json<{ valid: boolean; errors: []; warnings: { code: string }[] }>([
      'contract',
      'check',
      S2_FILE,
    ]);
    expect(found).toMatchObject({ valid: true, errors: [] });
    expect(found.warnings.map((w) => w.code)).toEqual([
      ...Array<string>(4).fill('schema_missing'),
      'example_incomplete',
    ]);
    const { code, stdout } = await handoff(['contract', 'check', '-'], { input: S2_TEXT });
    expect([code, stdout.split('\n').length]).toEqual([0, 7]);
  });

  it('names every fault by its place, then the warnings, and ends with 1', async () => {
    const file = await write('bad.json', s2({ '/form_agent': 1, '/contract/expects_in_return/tests/type': 'file' }));
    const { code, stdout, stderr } = await handoff(['contract', 'check', file]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^error \/form_agent: unknown field; known here: contract_id, /),
      'error /contract/expects_in_return/tests/minimum_test_coverage: is read from a directory: it needs "type": "directory"',
      'warning /contract/sends/code-architecture.json/example: lacks dependencies, coding_standards',
      '✗ The contract is not valid: 2 faults.',
    ]);
    const answer = await json(['contract', 'check', file]);
    expect(answer).toMatchObject({
      valid: false,
      errors: [{ code: 'invalid', path: '/form_agent' }, { code: 'invalid' }],
    });
  });

  it('finds schemas beside the file, in schemas beside it, and where --schemas says; one that is none is a fault', async () => {
    const sends = Object.fromEntries(['one', 'two', 'three'].map((n) => [`${n}.json`, { schema: `${n}.schema.json` }]));
    const file = await write('found/contract.yaml', { contract: { sends } });
    await write('found/one.schema.json', {});
    await write('found/schemas/two.schema.json', {});
    await write('elsewhere/three.schema.json', {});
    const check = ['contract', 'check', file];
    expect((await json<{ warnings: [] }>(check)).warnings).toMatchObject([
      { path: '/contract/sends/three.json/schema' },
    ]);
    const given = [...check, '--schemas', path.join(base, 'elsewhere')];
    expect(await json(given)).toEqual({ valid: true, errors: [], warnings: [] });
    await write('found/one.schema.json', '{"type": }');
    const { code, stdout } = await handoff(given);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^error \/contract\/sends\/one\.json\/schema: one\.schema\.json: one\.schema\.json is not valid JSON: line 1, column 10: /,
    );
  });

  it('shows what a file says without passing control characters on', async () => {
    const file = await write('control.json', s2({ '/contract/sends/\u001b[2Jx': {} }));
    const { code, stdout } = await handoff(['contract', 'check', file]);
    expect(code).toBe(1);
    expect(stdout).not.toContain('\u001b');
  });

  it('refuses what cannot be read with exit code 2', async () => {
    const none = await handoff(['contract', 'check', path.join(base, 'none.json')]);
    expect(none).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('error USAGE: There is no file') as unknown,
    });
    const broken = await handoff(['contract', 'check', await write('broken.json', '{')]);
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringContaining('error INVALID_JSON: ') as unknown });
  });
});

describe('the registry', () => {
  it('adds, lists and shows; another content under the same version is refused', async () => {
    const list = await handoff(['contract', 'list', '--folder', path.join(base, 'none')]);
    expect(list).toMatchObject({ code: 2, stderr: expect.stringContaining('error FOLDER_NOT_FOUND') as unknown });
    const digest = digestOf(s2());
    const added = await handoff(['contract', 'add', S2_FILE, ...at()]);
    expect(added).toMatchObject({ code: 0, stdout: `Added ho_008_to_013 1.0.0 (${digest.slice(0, 12)}).\n` });
    expect(await json(['contract', 'add', S2_FILE, ...at()])).toEqual({
      id: 'ho_008_to_013',
      version: '1.0.0',
      digest,
    });
    await handoff(['contract', 'add', await write('v2.json', s2({ '/version': '2.0.0' })), ...at()]);
    const other = await handoff(['contract', 'add', await write('other.json', s2({ '/x-a': 1 })), ...at()]);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('error INVALID_CONTRACT: ') as unknown });

    const { stdout } = await handoff(['contract', 'list', ...at()]);
    expect(stdout).toMatch(
      /^CONTRACT +VERSION +FROM → TO +SENDS +EXPECTS BACK +ADDED\nho_008_to_013 +2\.0\.0 +@code-architect \(p/,
    );
    const shown = await handoff(['contract', 'show', 'ho_008_to_013@1.0.0', ...at()]);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toContain(`digest ${digest} · added`);
    expect(shown.stdout).toMatch(/\nexpress-app\.json +express-output\.schema\.json +120 min +retry +yes\n/);
    expect(await json(['contract', 'show', 'ho_008_to_013', ...at()])).toMatchObject({ version: '2.0.0' });
    const unknown = await handoff(['contract', 'show', 'none', ...at()]);
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toBe(
      'error CONTRACT_UNKNOWN: No contract none is known here (at the registry). Known: ho_008_to_013@1.0.0, ho_008_to_013@2.0.0. Add one with `handoff contract add FILE`.\n',
    );
  });

  it('is what requests name, and a shell completes', async () => {
    const storage = await openStorage({ folder: path.join(base, 'data') });
    await storage.agents.add({ name: '@code-architect' });
    await storage.agents.add({ name: '@nodejs-specialist' });
    await storage.close();
    const request = await write('by-id.yaml', 'procedure: AGENT_HANDOFF_STANDARD\ncontract: ho_008_to_013@1.0.0\n');
    const plan = await json<{ request: object }>(['plan', request, '--address', '127.0.0.1:1', ...at()]);
    expect(plan.request).toMatchObject({
      source: { agent: '@code-architect', phase: '8' },
      target: { agent: '@nodejs-specialist', phase: '13' },
    });
    const offered = await handoff(['__complete', '--', 'contract', 'show', ...at(), 'ho_']);
    expect(offered.stdout.split('\n')[0]!.split('\t')[0]).toBe('ho_008_to_013');
  });
});

describe("a request's contract", () => {
  const options: PlaceOptions & RequestOptions = { folder: '.handoff' };

  it('in a file is found from the folder of the request, and its schemas beside it', async () => {
    const request = await write('requests/r.yaml', 'procedure: AAA\ncontract: { file: ../contracts/c.json }\n');
    await write('contracts/c.json', s2());
    const read = await readRequest(request, options);
    const folder = path.join(base, 'contracts');
    expect(read.request).toEqual({ procedure: 'AAA', contract: s2() });
    expect(read.where.schemas).toEqual(['schemas', folder, path.join(folder, 'schemas')]);
    const given = await readRequest(request, { ...options, schemas: ['a'] });
    expect(given.where.schemas).toEqual(['a', folder, path.join(folder, 'schemas')]);
  });

  it('from --contract goes before the one in the file', async () => {
    const request = await write('requests/own.yaml', 'procedure: AAA\ncontract: ho_1\n');
    expect((await readRequest(request, options)).request.contract).toBe('ho_1');
    const read = await readRequest(request, { ...options, contract: await write('contracts/c.json', s2()) });
    expect(read.request.contract).toEqual(s2());
  });

  it('in a file that is not there: one line', async () => {
    const request = await write('requests/none.yaml', 'procedure: AAA\ncontract: { file: none.json }\n');
    const { code, stderr } = await handoff(['plan', request, ...at()]);
    expect(code).toBe(2);
    expect(stderr).toBe(`error USAGE: There is no file ${path.join(base, 'requests', 'none.json')}.\n`);
  });
});

it('a contract without an id has a name all the same', () => {
  expect([contractName({}), contractName({ id: 'a' }), contractName({ id: 'a', version: '2.0.0' })]).toEqual([
    'of its own',
    'a 1.0.0',
    'a 2.0.0',
  ]);
});
