import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkContract } from '../../src/client/contract-schemas.js';
import { registeredContract } from '../../src/client/pin-contract.js';
import { contractParties } from '../../src/core/contract.js';
import { lookAtContract } from '../../src/core/contract-schema.js';
import type { HandoffError } from '../../src/core/errors.js';
import { arrivalFolder } from '../../src/core/request.js';
import { parseRequest } from '../../src/core/request-schema.js';
import { readSchemaFiles } from '../../src/storage/schema-files.js';
import { lookInto, openStorage, type Storage } from '../../src/storage/storage.js';
import { s2, put } from '../core/contract-document.js';
import { PATH_NAMES } from '../core/path-names.js';

/** What stands in files that nobody may read. */
const OUTSIDE = 'it was read from outside';
let base: string;
let inside: string;
let storage: Storage;

beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'handoff-paths-'));
  inside = path.join(base, 'a', 'b', 'schemas');
  await mkdir(inside, { recursive: true });
  // Wherever a name leads that is out of the folder, but not out of what this test may write.
  for (const name of PATH_NAMES) {
    const file = path.join(inside, ...decoded(name).split(/[/\\]/));
    if (!file.startsWith(`${base}${path.sep}`) || file.startsWith(`${inside}${path.sep}`)) continue;
    await mkdir(path.dirname(file), { recursive: true }).catch(() => {});
    await writeFile(file, JSON.stringify({ title: OUTSIDE })).catch(() => {});
  }
  storage = await openStorage({ folder: path.join(base, 'storage-of-this-test'), schemas: [inside] });
});
afterAll(async () => {
  await storage.close();
  await rm(base, { recursive: true, force: true });
});

/** A name as one would take it who decodes more than they should. */
function decoded(name: string): string {
  const plain = name
    .replaceAll(/[\uff0e\u2024\ufe52\u3002]/g, '.')
    .replaceAll(/[\uff0f\u2215\u2044\u29f8]/g, '/')
    .replaceAll('\0', '');
  try {
    return decodeURIComponent(decodeURIComponent(plain));
  } catch {
    return plain;
  }
}

const pointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** S2's document with a name in one of the fields that carry any. */
const FIELDS: Record<string, (name: string) => object> = {
  'an artifact that is sent': (n) => s2({ [`/contract/sends/${pointer(n)}`]: {} }),
  'an artifact that is expected back': (n) => s2({ [`/contract/expects_in_return/${pointer(n)}`]: {} }),
  'a schema of what is sent': (n) => s2({ '/contract/sends/a.json': { schema: n } }),
  'a schema of what is expected back': (n) => s2({ '/contract/expects_in_return/a.json': { schema: n } }),
  'a $ref': (n) => s2({ '/contract/sends/a.json': { schema: { $ref: n } } }),
  requires: (n) => s2({ '/contract/sends/a.json': { requires: [n] } }),
  contract_id: (n) => s2({ '/contract_id': n }),
  handoff_id: (n) => s2({ '/handoff_id': n }),
  from_agent: (n) => s2({ '/from_agent': n }),
  to_agent: (n) => s2({ '/to_agent': n, '/to_phase': undefined }),
  from_phase: (n) => s2({ '/from_phase': n }),
  to_phase: (n) => s2({ '/to_phase': n }),
  'a phase in timing': (n) => {
    const document = s2();
    put(document, `/timing/phase_${pointer(n)}_expected_end`, '2026-01-14');
    return document;
  },
};

/** Where what the contract names would arrive. */
function arrivalsOf(document: NonNullable<ReturnType<typeof lookAtContract>['document']>): string[] {
  const { source, target } = contractParties(document);
  const { sends = {}, expects_in_return: back = {} } = document.contract;
  const names = [...Object.keys(sends), ...Object.keys(back)];
  return [source, target].flatMap((p) => names.map((n) => path.join('/root', 'artifacts', arrivalFolder(p), n)));
}

test('there are at least 300 names, each once', () => {
  expect(new Set(PATH_NAMES).size).toBe(PATH_NAMES.length);
  expect(PATH_NAMES.length).toBeGreaterThan(300);
});

describe.each(Object.entries(FIELDS))('as %s', (_, document) => {
  test('no name leads out: it is refused, or stays in its folder', async () => {
    const tree = await readdir(base, { recursive: true });
    let refused = 0;
    for (const name of PATH_NAMES) {
      const { document: taken } = lookAtContract(document(name));
      if (!taken) {
        refused++;
        continue;
      }
      for (const place of arrivalsOf(taken))
        expect([name, place.split('/').length, path.normalize(place)]).toEqual([name, 5, place]);
      const check = await checkContract(document(name), { schemas: [inside] });
      expect([name, JSON.stringify(check)]).toEqual([name, expect.not.stringContaining(OUTSIDE)]);
      const named = Object.values(taken.contract.sends ?? {}).flatMap((a) =>
        typeof a.schema === 'string' ? [a.schema] : [],
      );
      expect((await readSchemaFiles(named, [inside])).schemas).toEqual({});
      await storage.contracts.add({ ...taken, version: '1.0.0' }).catch(expectRefusal);
    }
    // All but the plain ones at the end of the list; a $ref may be anything, for it is not always a file.
    expect([refused, refused > 100 || _ === 'a $ref']).toEqual([refused, true]);
    expect(
      (await readdir(base, { recursive: true })).filter(
        (f) => !tree.includes(f) && !f.startsWith('storage-of-this-test'),
      ),
    ).toEqual([]);
  });
});

test('as a name of the registry in a request: refused, or not known', async () => {
  const tree = await readdir(base, { recursive: true });
  const find = async (contract: string): Promise<unknown> => {
    parseRequest({ procedure: 'AAA', contract }, 0, () => 'ho_1');
    return lookInto({ folder: path.join(base, 'none') }, (view) => registeredContract(contract, view, '/contract'));
  };
  for (const name of PATH_NAMES) {
    const { code } = (await find(name).catch((error: unknown) => error)) as HandoffError;
    expect([name, ['INVALID_REQUEST', 'CONTRACT_UNKNOWN']]).toEqual([name, expect.arrayContaining([code])]);
  }
  expect(await readdir(base, { recursive: true })).toEqual(tree);
});

/** Several names give S2's document the same id with other content. */
function expectRefusal(error: unknown): void {
  expect((error as HandoffError).code).toBe('INVALID_CONTRACT');
}
