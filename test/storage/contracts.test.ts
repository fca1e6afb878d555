import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/core/digest.js';
import { s2 } from '../core/contract-document.js';
import { storagePlace } from './place.js';

const place = storagePlace();
const contracts = () => place.storage.contracts;

describe('the registry of contracts', () => {
  test("S2's document is kept as it stands, under its handoff_id, as version 1.0.0", async () => {
    const added = await contracts().add(s2());
    expect(added).toEqual({
      id: 'ho_008_to_013',
      version: '1.0.0',
      digest: digestOf(s2()),
      document: s2(),
      addedAt: expect.any(Number) as unknown,
    });
    expect(await contracts().find('ho_008_to_013')).toEqual(added);
    expect(await contracts().find('ho_008_to_013', '1.0.0')).toEqual(added);
  });

  test('contract_id goes before handoff_id', async () => {
    expect((await contracts().add(s2({ '/contract_id': 'own' }))).id).toBe('own');
  });

  test('the newest version by its numbers is found; each other by its own', async () => {
    for (const v of ['1.9.0', '1.10.0', '1.2.30'])
      await contracts().add(s2({ '/contract_id': 'many', '/version': v, '/x-v': v }));
    expect((await contracts().find('many'))?.version).toBe('1.10.0');
    expect((await contracts().find('many', '1.9.0'))?.document['x-v']).toBe('1.9.0');
    expect(await contracts().find('many', '2.0.0')).toBeUndefined();
    expect(await contracts().find('none')).toBeUndefined();
    const listed = (await contracts().list()).filter((c) => c.id === 'many');
    expect(listed.map((c) => c.version)).toEqual(['1.10.0']);
    expect(await contracts().names()).toEqual(expect.arrayContaining(['many@1.9.0', 'many@1.10.0', 'many@1.2.30']));
  });

  test('a version means one contract: the same again is absorbed, another is refused', async () => {
    const first = await contracts().add(s2({ '/contract_id': 'once' }));
    expect(await contracts().add(s2({ '/contract_id': 'once' }))).toEqual(first);
    await expect(contracts().add(s2({ '/contract_id': 'once', '/to_agent': '@other' }))).rejects.toMatchObject({
      code: 'INVALID_CONTRACT',
      message:
        'The contract once is not valid: /version: 1.0.0 is already there with a different content; raise the version',
      params: { list: [{ path: '/version' }] },
    });
    expect((await contracts().find('once'))?.document.to_agent).toBe('@nodejs-specialist');
  });

  test('two at once with other content: one is taken', async () => {
    const both = await Promise.allSettled(
      ['@a', '@b'].map((agent) => contracts().add(s2({ '/contract_id': 'race', '/to_agent': agent }))),
    );
    expect(both.map((b) => b.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test.each<[string, unknown, string]>([
    ['without an id', s2({ '/handoff_id': undefined }), '/contract_id: a contract in the registry needs an id'],
    ['that is the part alone', { sends: {} }, '/contract_id: a contract in the registry needs an id'],
    ['that is not valid', s2({ '/version': 'x' }), '/version: must be a version such as 1.0.0'],
  ])('one %s is refused', async (_, document, why) => {
    const before = await contracts().names();
    await expect(contracts().add(document)).rejects.toMatchObject({ code: 'INVALID_CONTRACT' });
    await expect(contracts().add(document)).rejects.toThrow(why);
    expect(await contracts().names()).toEqual(before);
  });
});
