import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyArtifacts } from '../../src/client/manifest.js';
import type { ReturnSpec, SendSpec } from '../../src/core/contract.js';
import type { Procedure } from '../../src/core/procedure.js';
import type { ArtifactSpec, HandoffRequest } from '../../src/core/request.js';
import { newId } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { by, sha256, written } from './return-parts.js';

const bring = { step_id: 'bring', name: 'Bring', action: 'transfer', with: { what: ['artifacts'] } };
const again = { ...bring, step_id: 'bring_again', name: 'Bring again' };
const ask = { step_id: 'ask', name: 'Ask', action: 'confirm' };
const check = {
  step_id: 'check',
  name: 'Check',
  action: 'validate',
  rules: ['VR002', 'VR008', 'DC001', 'DC007', 'DC008'],
};
const PROCEDURES: Procedure[] = (
  [
    ['BRING_ONLY', [bring]],
    ['BRING_TWICE', [bring, again, check]],
    ['BRING_AND_ASK', [bring, ask]],
    ['BRING_AND_CHECK', [bring, check]],
  ] as const
).map(([procedure_id, steps]) => ({
  procedure_id,
  name: procedure_id,
  version: '1.0.0',
  steps: [...steps],
  rollback_procedures: [
    { rollback_id: 'back', name: 'Back', steps: steps.filter((s) => s.action === 'transfer').map((s) => s.step_id) },
  ],
}));

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ procedures: PROCEDURES });
});
afterAll(() => rig.close());

interface Given {
  procedure?: string;
  sends?: Record<string, SendSpec>;
  returns?: Record<string, ReturnSpec>;
  artifacts?: ArtifactSpec[];
  over?: Partial<HandoffRequest>;
}

async function start({ procedure = 'BRING_ONLY', sends, returns, artifacts = [], over }: Given): Promise<string> {
  const handoffId = newId();
  await rig.client.start({
    handoffId,
    procedure,
    source: { agent: AGENTS.source, phase: `src-${handoffId}` },
    target: { agent: AGENTS.target, phase: `p-${handoffId}` },
    contract: { contract: { ...(sends ? { sends } : {}), ...(returns ? { expects_in_return: returns } : {}) } },
    artifacts,
    ...over,
  });
  rig.started.add(handoffId);
  return handoffId;
}

async function accepted(given: Given): Promise<string> {
  const id = await start({ procedure: 'BRING_AND_ASK', ...given });
  await rig.untilStatus(id, 'awaiting_acceptance');
  await rig.client.accept(id, { by });
  return id;
}

const submit = async (id: string, files: Record<string, string>) =>
  rig.client.submitReturn(id, { by, epoch: 1, artifacts: await written(rig, id, files) });

describe('what is sent', () => {
  test('a transformed artifact is known by what it was: digest, size, format', async () => {
    const text = 'modules:\n  - users\n  - orders\n';
    await rig.file('design.yaml', text);
    const id = await start({
      sends: {
        'design.json': {
          format: 'json',
          schema: { type: 'object' },
          checksum: sha256(`${JSON.stringify({ modules: ['users', 'orders'] }, null, 2)}\n`),
        },
      },
      artifacts: [{ name: 'design.json', path: 'design.yaml', sha256: sha256(text) }],
    });
    const outcome = await rig.client.result(id);
    expect(outcome.reason).toBeUndefined();
    const all = await rig.storage.manifest.list({ handoff: id });
    expect(all.map((a) => [a.name, a.size, a.sha256, a.format, a.transformer])).toEqual([
      ['design.yaml', text.length, sha256(text), 'yaml', undefined],
      ['design.json', expect.any(Number), expect.any(String), 'json', 'yaml_to_json'],
    ]);
    expect((await verifyArtifacts(rig.storage, [id])).differences).toEqual([]);
  });

  test.each(['file', 'directory'] as const)(
    "the contract's checksum counts beside the artifact's own: %s",
    async (type) => {
      const name = `sum-${type}`;
      if (type === 'file') await rig.file(name, 'x');
      else await mkdir(path.join(rig.folder, 'in', name), { recursive: true });
      const { treeDigest } = await import('../../src/storage/transfer/print.js');
      const own = type === 'file' ? sha256('x') : (await treeDigest(path.join(rig.folder, 'in', name))).sha256;
      const id = await start({
        sends: { [name]: { type, checksum: '00'.repeat(32) } },
        artifacts: [{ name, path: name, sha256: own }],
      });
      expect(await rig.client.result(id)).toMatchObject({ outcome: 'failed' });
      expect(existsSync(rig.arrival(id, name))).toBe(false);
    },
  );

  test('a second transfer to the same place leaves what a transformer made', async () => {
    await rig.file('twice.yaml', 'a: 1\n');
    const id = await start({
      procedure: 'BRING_TWICE',
      sends: { 'twice.json': { format: 'json', required_fields: ['a'] } },
      artifacts: [{ name: 'twice.json', path: 'twice.yaml' }],
    });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed' });
    expect(JSON.parse(readFileSync(rig.arrival(id, 'twice.json'), 'utf8'))).toEqual({ a: 1 });
    expect((await verifyArtifacts(rig.storage, [id])).differences).toEqual([]);
  });

  test('an optional artifact that is named and not there keeps nothing from moving', async () => {
    await rig.file('is.json', '{}');
    const id = await start({
      procedure: 'BRING_AND_CHECK',
      sends: { 'is.json': {}, 'maybe.json': { required: false } },
      artifacts: [
        { name: 'is.json', path: 'is.json' },
        { name: 'maybe.json', path: 'maybe.json' },
      ],
    });
    const { outcome, reason } = await rig.client.result(id);
    expect([outcome, reason]).toEqual(['completed', undefined]);
    expect(existsSync(rig.arrival(id, 'is.json'))).toBe(true);
    expect((await rig.client.effects(id)).map((e) => e.effect)).toEqual(['is.json']);
    const planned = await rig.client.plan({
      procedure: 'BRING_AND_CHECK',
      source: { agent: AGENTS.source },
      target: { agent: AGENTS.target, phase: 'planned' },
      contract: { contract: { sends: { 'maybe.json': { required: false } } } },
      artifacts: [{ name: 'maybe.json', path: 'maybe.json' }],
    });
    expect(planned).toMatchObject({ ready: true, issues: [], warnings: [{ code: 'ARTIFACT_MISSING' }] });
  });

  test('an artifact that the contract does not name arrives', async () => {
    await rig.file('is.json', '{}');
    const id = await start({
      procedure: 'BRING_AND_CHECK',
      sends: { 'is.json': {} },
      artifacts: [
        { name: 'is.json', path: 'is.json' },
        { name: 'other', path: 'is.json' },
      ],
    });
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(existsSync(rig.arrival(id, 'other'))).toBe(true);
  });

  test('a contract without sends', async () => {
    await rig.file('is.json', '{}');
    const id = await start({
      procedure: 'BRING_AND_CHECK',
      artifacts: [{ name: 'is.json', path: 'is.json' }],
      over: { contract: { contract: {} } },
    });
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('a hundred schema files, one through another, changed after the start', async () => {
    const folder = rig.storage.schemas[0]!;
    await mkdir(folder, { recursive: true });
    for (let i = 0; i < 100; i++)
      await writeFile(
        path.join(folder, `s${i}.json`),
        JSON.stringify(i === 99 ? { type: 'number' } : { $ref: `s${i + 1}.json` }),
      );
    await rig.file('n.json', '7');
    await rig.stopWorker();
    const id = await start({
      sends: {
        'n.json': { schema: { anyOf: [{ $ref: 's60.json' }] } },
        'n2.json': { schema: 's0.json', required: false },
      },
      artifacts: [
        { name: 'n.json', path: 'n.json' },
        { name: 'n2.json', path: 'n.json' },
      ],
    });
    for (let i = 0; i < 100; i++) rmSync(path.join(folder, `s${i}.json`));
    await rig.startWorker();
    const { outcome, reason } = await rig.client.result(id);
    expect([outcome, reason]).toEqual(['completed', undefined]);
  });
});

describe('what comes back', () => {
  test('is transformed as the contract says', async () => {
    const id = await accepted({
      returns: {
        'app.yaml': { format: 'json', critical: true, required_fields: ['entry'] },
      },
    });
    const answer = await submit(id, { 'app.yaml': 'entry: app.js\n' });
    expect(answer).toMatchObject({ accepted: true, received: ['app.yaml'] });
    await rig.client.complete(id, { by, epoch: 1 });
    const { returns } = await rig.client.result(id);
    expect(JSON.parse(readFileSync(returns!['app.yaml']!.path!, 'utf8'))).toEqual({ entry: 'app.js' });
    expect((await verifyArtifacts(rig.storage, [id])).differences).toEqual([]);
  });

  describe('under the name of what was sent, within one phase', () => {
    const both = async (phase: string): Promise<{ id: string; place: string }> => {
      await rig.file('same.json', '{"v":1}');
      const id = await accepted({
        sends: { 'same.json': { required_fields: ['v'] } },
        returns: { 'same.json': { required_fields: ['w'] } },
        artifacts: [{ name: 'same.json', path: 'same.json' }],
        over: { source: { agent: AGENTS.source, phase }, target: { agent: AGENTS.target, phase } },
      });
      expect(await submit(id, { 'same.json': '{"w":2}' })).toMatchObject({ accepted: true });
      return { id, place: path.join(rig.storage.root, 'artifacts', `phase_${phase}`, 'same.json') };
    };

    test('it takes its place', async () => {
      const { id, place } = await both('one');
      await rig.client.complete(id, { by, epoch: 1 });
      await rig.client.result(id);
      expect(readFileSync(place, 'utf8')).toBe('{"w":2}');
      expect((await verifyArtifacts(rig.storage, [id])).differences).toEqual([]);
    });

    test('both are undone, one after the other', async () => {
      const { id, place } = await both('two');
      await rig.client.cancel(id, { by: 'op', reason: 'no' });
      const { undone } = await rig.client.result(id);
      expect(undone.map((u) => u.result)).toEqual(['undone', 'undone']);
      expect(existsSync(place)).toBe(false);
    });
  });

  test('one that requires another that has come before', async () => {
    const id = await accepted({ returns: { 'a.json': {}, 'b.json': { requires: ['a.json'] } } });
    expect(await submit(id, { 'a.json': '{}' })).toMatchObject({ accepted: true });
    expect(await submit(id, { 'b.json': '{}' })).toMatchObject({ accepted: true, faults: [] });
    await rig.client.complete(id, { by, epoch: 1 });
    await rig.client.result(id);
  });

  test('with a schema of the registry whose file is gone', async () => {
    const folder = rig.storage.schemas[0]!;
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'ret.json'), '{"type":"object","required":["z"]}');
    await rig.client.contracts.add({
      contract_id: 'reg_ret',
      contract: { expects_in_return: { 'r.json': { schema: 'ret.json' } } },
    });
    const id = await accepted({ over: { contract: 'reg_ret' } });
    rmSync(path.join(folder, 'ret.json'));
    expect(await submit(id, { 'r.json': '{}' })).toMatchObject({
      accepted: false,
      faults: [{ code: 'schema_violation' }],
    });
    expect(await submit(id, { 'r.json': '{"z":1}' })).toMatchObject({ accepted: true });
    await rig.client.complete(id, { by, epoch: 1 });
    await rig.client.result(id);
  });

  test('of two handoffs to one place', async () => {
    const over = { source: { agent: AGENTS.source }, target: { agent: AGENTS.target } };
    const returns = { 'both.json': {} };
    const [one, two] = [await accepted({ returns, over }), await accepted({ returns, over })];
    expect(await submit(one, { 'both.json': '1' })).toMatchObject({ accepted: true });
    await expect(submit(two, { 'both.json': '2' })).rejects.toMatchObject({ code: 'DESTINATION_RESERVED' });
    await rig.client.complete(one, { by, epoch: 1 });
    await rig.client.result(one);
    expect(await submit(two, { 'both.json': '2' })).toMatchObject({ accepted: true });
    await rig.client.cancel(two, { by: 'op', reason: 'no' });
    await rig.client.result(two);
    expect(
      readFileSync(path.join(rig.storage.root, 'artifacts', `agent_${AGENTS.source.slice(1)}`, 'both.json'), 'utf8'),
    ).toBe('1');
    expect((await verifyArtifacts(rig.storage, [one, two])).differences).toEqual([]);
  });
});
