import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { ContractDocument } from '../../src/core/contract.js';
import { parseContract } from '../../src/core/contract-schema.js';
import { digestOf } from '../../src/core/digest.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { HandoffRequest, PackageContent } from '../../src/core/request.js';
import { Parts, newId } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { rowsOf, treeOf } from '../rig/untouched.js';

const parts = new Parts();
let rig: Rig;
let schemas: string;
beforeAll(async () => {
  rig = await Rig.create(parts.options);
  schemas = path.join(rig.folder, 'in', 'schemas');
  await mkdir(schemas);
});
afterAll(async () => {
  parts.openAll();
  await rig.close();
});

const document = (over: Partial<ContractDocument> = {}): ContractDocument => ({
  handoff_id: 'c-1',
  from_agent: AGENTS.source,
  to_agent: AGENTS.target,
  contract: { sends: { 'a.json': { schema: 'a.schema.json' } } },
  ...over,
});
const schema = (name: string, content: unknown): Promise<void> =>
  writeFile(path.join(schemas, name), typeof content === 'string' ? content : JSON.stringify(content));

async function start(over: Partial<HandoffRequest>): Promise<string> {
  const handoffId = over.handoffId ?? newId();
  await rig.client.start({ procedure: 'WORK_ONLY', ...over, handoffId });
  rig.started.add(handoffId);
  return handoffId;
}
const pinned = async (id: string): Promise<NonNullable<PackageContent['contract']>> => {
  const { subject } = await rig.client.status(id);
  return (await rig.storage.blobs.getJson<PackageContent>(subject!.package!)).contract!;
};
const isThere = (id: string): Promise<boolean> =>
  rig.temporal.workflow
    .getHandle(workflowIdOf(id))
    .describe()
    .then(
      () => true,
      () => false,
    );

describe('a handoff keeps the contract that it was started with', () => {
  test('by digest, with its schema files and what they refer to, whatever becomes of them', async () => {
    await schema('a.schema.json', { title: 'first', $ref: 'b.yaml' });
    await schema('b.yaml', 'title: second');
    const given = document({
      from_phase: 8,
      to_phase: 'p-13',
      timing: {
        phase_8_expected_end: '2026-01-13',
        'phase_p-13_can_start_after': '2026-01-13T12:00:00+01:00',
        'x-zone': 'CET',
      },
    });
    const handoffId = newId();
    parts.hold(handoffId, 'act');
    await start({ handoffId, contract: given });
    await schema('a.schema.json', { title: 'changed' });
    await rm(path.join(schemas, 'b.yaml'));
    const { subject } = await rig.client.status(handoffId);
    const digest = digestOf(parseContract(given));
    expect(subject!.contract).toEqual({ id: 'c-1', version: '1.0.0', digest });
    expect(await pinned(handoffId)).toEqual({
      id: 'c-1',
      version: '1.0.0',
      digest,
      source: { agent: AGENTS.source, phase: '8' },
      target: { agent: AGENTS.target, phase: 'p-13' },
      sends: given.contract.sends,
      returns: {},
      maxReturnRounds: 3,
      timing: {
        phase_8_expected_end: '2026-01-13T00:00:00.000Z',
        'phase_p-13_can_start_after': '2026-01-13T11:00:00.000Z',
      },
      schemas: { 'a.schema.json': { title: 'first', $ref: 'b.yaml' }, 'b.yaml': { title: 'second' } },
    });
    const described = await rig.temporal.workflow.getHandle(workflowIdOf(handoffId)).describe();
    expect(await described.staticDetails()).toContain(`Contract c-1 1.0.0, digest \`${digest}\`.`);
    parts.open(handoffId, 'act');
    expect((await rig.client.result(handoffId)).outcome).toBe('completed');
  });

  test('a schema file that is not there is no reason to refuse: it is missing when artifacts are validated', async () => {
    const id = await start({ contract: document({ contract: { sends: { 'a.json': { schema: 'none.json' } } } }) });
    expect((await pinned(id)).schemas).toEqual({});
    await rig.client.result(id);
  });

  test('from the registry: the newest then, or the version asked for', async () => {
    await schema('a.schema.json', { title: 'of the registry' });
    const add = (version: string): Promise<unknown> =>
      rig.client.contracts.add(document({ contract_id: 'registered', version, metadata: { version } }));
    await add('1.0.0');
    await add('1.2.0');
    const request = { procedure: 'WORK_ONLY', handoffId: newId(), contract: 'registered' };
    await rig.client.start(request);
    rig.started.add(request.handoffId);
    await add('1.10.0');
    const older = await start({ contract: 'registered@1.0.0' });
    const newer = await start({ contract: 'registered' });
    const versions = await Promise.all([request.handoffId, older, newer].map(async (id) => (await pinned(id)).version));
    expect(versions).toEqual(['1.2.0', '1.0.0', '1.10.0']);
    expect(await rig.client.start(request)).toMatchObject({ handoffId: request.handoffId, existing: true });
    expect((await pinned(request.handoffId)).version).toBe('1.2.0');
    for (const id of [request.handoffId, older, newer]) await rig.client.result(id);
  });

  test('the part alone is pinned as the whole that it is part of', async () => {
    const part = { sends: { 'a.json': { required: false } } };
    const id = await start({ source: { agent: AGENTS.source }, target: { agent: AGENTS.target }, contract: part });
    const { contract } = (await rig.client.status(id)).subject!;
    expect(contract).toEqual({ digest: digestOf({ contract: part }) });
    await rig.client.result(id);
  });
});

describe('who hands over to whom', () => {
  test.each<[string, Partial<HandoffRequest>, Partial<ContractDocument>, object]>([
    ['the contract alone: agents', {}, {}, { source: { agent: AGENTS.source }, type: 'AGENT_HANDOFF' }],
    [
      'the contract alone: phases',
      {},
      { from_phase: 8, to_phase: 13 },
      { target: { agent: AGENTS.target, phase: '13' }, type: 'PHASE_TRANSITION' },
    ],
    [
      'each a part',
      { source: { phase: 8 } },
      {},
      { source: { agent: AGENTS.source, phase: '8' }, type: 'PHASE_TRANSITION' },
    ],
    ['both, the same', { source: { phase: 8 } }, { from_phase: '8' }, { source: { agent: AGENTS.source, phase: '8' } }],
    ['a type of the request', { type: 'MY_OWN' }, {}, { type: 'MY_OWN' }],
  ])('%s', async (_, over, said, expected) => {
    const id = await start({ ...over, contract: document(said) });
    expect((await rig.client.status(id)).subject).toMatchObject(expected);
    await rig.client.result(id);
  });
});

describe('what is refused, before Temporal hears of it', () => {
  const refusal = async (over: Partial<HandoffRequest>): Promise<unknown> => {
    const handoffId = newId();
    const error: unknown = await rig.client
      .start({ procedure: 'WORK_ONLY', ...over, handoffId })
      .catch((e: unknown) => e);
    expect(await isThere(handoffId)).toBe(false);
    return error;
  };

  test('a request and a contract that name different parties, each with both values', async () => {
    const source = { agent: AGENTS.target, phase: 9 };
    const target = { agent: AGENTS.target, phase: '13' };
    const contract = document({ from_phase: 8, to_phase: 14 });
    expect(await refusal({ source, target, contract })).toMatchObject({
      code: 'INVALID_REQUEST',
      params: {
        list: [
          {
            path: '/contract/from_agent',
            message: `the contract says ${AGENTS.source}, but /source/agent of the request is ${AGENTS.target}`,
          },
          { path: '/contract/from_phase', message: 'the contract says 8, but /source/phase of the request is 9' },
          { path: '/contract/to_phase', message: 'the contract says 14, but /target/phase of the request is 13' },
        ],
      },
    });
  });

  test('nobody named at all', async () => {
    expect(await refusal({ contract: { sends: {} } })).toMatchObject({
      code: 'INVALID_REQUEST',
      params: { list: [{ path: '/source' }, { path: '/target' }] },
    });
  });

  test('an agent that only the contract names and nobody knows', async () => {
    expect(await refusal({ contract: document({ to_agent: '@nobody' }) })).toMatchObject({
      code: 'AGENT_UNKNOWN',
      params: { agent: '@nobody', where: '/target/agent' },
    });
  });

  test.each(['no-such', 'known@9.9.9', 'known@1.0.1'])('%s, which the registry does not have', async (contract) => {
    await rig.client.contracts.add(document({ contract_id: 'known' }));
    expect(await refusal({ contract })).toMatchObject({
      code: 'CONTRACT_UNKNOWN',
      params: { contract, where: '/contract', known: expect.stringContaining('known@1.0.0') as unknown },
    });
  });

  test.each<[string, HandoffRequest['contract'], string]>([
    ['a name that is none', '../x', 'INVALID_REQUEST'],
    ['a list', [] as never, 'INVALID_REQUEST'],
    ['a document with a fault', { contract: {}, form_agent: '@a' } as never, 'INVALID_CONTRACT'],
    ['a file that only the command line reads', { file: 'contract.json' } as never, 'INVALID_CONTRACT'],
  ])('%s', async (_, contract, code) => {
    expect(await refusal({ contract })).toMatchObject({ code });
  });

  test('a schema file that is there and is none, with its place', async () => {
    await schema('a.schema.json', '{');
    for (const [contract, place] of [
      [document(), '/contract/sends/a.json/schema'],
      [document().contract, '/sends/a.json/schema'],
    ] as const) {
      const source = { agent: AGENTS.source };
      expect(await refusal({ source, target: { agent: AGENTS.target }, contract })).toMatchObject({
        code: 'INVALID_CONTRACT',
        params: {
          list: [{ path: place, message: expect.stringContaining('a.schema.json is not valid JSON') as unknown }],
        },
      });
    }
  });

  test('any contract, where there is no storage', async () => {
    const client = new HandoffClient({ temporal: rig.temporal, taskQueue: rig.taskQueue });
    await expect(client.start({ procedure: 'AGENT_HANDOFF_STANDARD', contract: document() })).rejects.toMatchObject({
      code: 'STORAGE_REQUIRED',
    });
    expect(() => client.contracts).toThrow('The registry of contracts needs storage');
  });
});

describe('the same request again', () => {
  test('gives the same handoff, though no worker has recorded it and its contract has changed beyond use', async () => {
    await rig.stopWorker();
    await schema('a.schema.json', { title: 'good' });
    await rig.client.contracts.add(document({ contract_id: 'again' }));
    const request: HandoffRequest = {
      procedure: 'AGENT_HANDOFF_STANDARD',
      handoffId: newId(),
      source: { agent: AGENTS.source },
      contract: 'again',
      artifacts: [{ name: 'a.json', path: 'a.json' }],
    };
    await rig.file('a.json', '{}');
    const first = await rig.client.start(request);
    rig.started.add(first.handoffId);
    await schema('a.schema.json', '{');
    await rig.client.contracts.add(document({ contract_id: 'again', version: '2.0.0', from_agent: '@another' }));
    // What the contract asked for, nobody can tell now.
    const { warnings: _, ...there } = first;
    expect(await rig.client.start(request)).toEqual({ ...there, existing: true });
    // What it is not: another request under the same id.
    const other = { ...request, session: 'another' };
    await expect(rig.client.start(other)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await rig.startWorker();
    await rig.untilStatus(first.handoffId, 'awaiting_acceptance');
    expect(await rig.client.start(request)).toEqual({ ...first, existing: true });
    expect((await pinned(first.handoffId)).schemas).toEqual({ 'a.schema.json': { title: 'good' } });

    const plan = await rig.client.plan(request);
    expect(plan.issues.map((i) => i.code)).toEqual(['ALREADY_STARTED']);
    expect((await rig.client.validate(request)).session.handoff).toBe(first.handoffId);
    await rig.client.cancel(first.handoffId, { by: 'test', reason: 'seen' });
    await rig.client.result(first.handoffId);
    await schema('a.schema.json', {});
  });
});

describe('a dry run', () => {
  test('reads the contract as a start does, and writes nothing', async () => {
    await schema('a.schema.json', { title: 'planned' });
    await rig.client.contracts.add(document({ contract_id: 'planned', from_phase: 8 }));
    const before = [await rowsOf(rig.storage), treeOf(rig.storage.folder, schemas)];
    const plan = await rig.client.plan({ procedure: 'WORK_ONLY', contract: 'planned' });
    expect(plan.request).toMatchObject({
      source: { agent: AGENTS.source, phase: '8' },
      target: { agent: AGENTS.target },
      type: 'PHASE_TRANSITION',
    });
    const { digest, version } = (await rig.client.contracts.find('planned'))!;
    expect(plan.contract).toEqual({ id: 'planned', version, digest });
    await expect(rig.client.plan({ procedure: 'WORK_ONLY', contract: 'none' })).rejects.toMatchObject({
      code: 'CONTRACT_UNKNOWN',
    });
    expect([await rowsOf(rig.storage), treeOf(rig.storage.folder, schemas)]).toEqual(before);
  });
});
