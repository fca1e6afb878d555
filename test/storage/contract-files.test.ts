import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkContract } from '../../src/client/contract-schemas.js';
import { loadContract } from '../../src/client/load-contract.js';

import { S2_TEXT, s2 } from '../core/contract-document.js';
import { containing, matching } from '../rig/matchers.js';

let base: string;
beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'handoff-contract-files-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

const file = async (name: string, text: string): Promise<string> => {
  await writeFile(path.join(base, name), text);
  return path.join(base, name);
};

test('a contract is loaded from JSON and from YAML, a part alone as a whole', async () => {
  expect(await loadContract(await file('a.json', `\uFEFF${S2_TEXT}`))).toEqual(s2());
  expect(await loadContract(await file('a.yaml', 'sends: { a.json: {} }'))).toEqual({
    contract: { sends: { 'a.json': {} } },
  });
});

test.each<[string, string | undefined, object]>([
  [
    'none.json',
    undefined,
    { code: 'INVALID_CONTRACT', message: matching(/none\.json is not valid: \/: there is no such file$/) },
  ],
  ['.', undefined, { code: 'INVALID_CONTRACT', message: containing('/: it is not a file') }],
  ['bad.json', '{', { code: 'INVALID_JSON' }],
  ['wrong.json', '{"contract": 1}', { code: 'INVALID_CONTRACT', params: { list: [{ path: '/contract' }] } }],
  ['large.json', ' '.repeat(1024 * 1024 + 1), { code: 'INPUT_TOO_LARGE' }],
])('%s is refused', async (name, text, expected) => {
  const place = text === undefined ? path.join(base, name) : await file(name, text);
  await expect(loadContract(place)).rejects.toMatchObject(expected);
});

test('an example that breaks its own schema is a warning; a schema that is none is an error, where it stands', async () => {
  await file('a.schema.json', '{"type": "object", "required": ["b"]}');
  await file('none.schema.json', '{"type": "nothing of the kind"}');
  const sends = {
    'a.json': { schema: 'a.schema.json', example: 5 },
    'b.json': { schema: 'a.schema.json', example: { b: 1 } },
    'c.json': { schema: 'a.schema.json' },
  };
  const checked = await checkContract({ contract: { sends } }, { schemas: [base] });
  expect(checked).toMatchObject({
    valid: true,
    errors: [],
    warnings: [{ code: 'example_invalid', path: '/contract/sends/a.json/example' }],
  });
  expect(checked.warnings[0]!.message).toContain('object');
  const none = { 'd.json': { schema: 'none.schema.json' } };
  expect(await checkContract({ sends: none }, { schemas: [base] })).toMatchObject({
    valid: false,
    errors: [{ code: 'schema_invalid', path: '/sends/d.json/schema' }],
    warnings: [],
  });
});
