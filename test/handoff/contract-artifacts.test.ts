import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { transformer } from '../../src/contracts/transformers.js';
import type { ContractFault, SendSpec } from '../../src/core/contract.js';
import type { Procedure } from '../../src/core/procedure.js';
import type { ArtifactSpec } from '../../src/core/request.js';
import { newId } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';

const RULES = ['DC001', 'DC002', 'DC003', 'DC004', 'DC005', 'DC006'];
const bring = { step_id: 'bring', name: 'Bring', action: 'transfer', with: { what: ['artifacts'] } };
const check = { step_id: 'check', name: 'Check', action: 'validate', rules: RULES };
const base = {
  version: '1.0.0',
  rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['bring'] }],
};
const PROCEDURES: Procedure[] = [
  {
    ...base,
    procedure_id: 'CHECK_AND_BRING',
    name: 'Check and bring',
    steps: [check, bring, { ...check, step_id: 'again' }],
  },
  { ...base, procedure_id: 'BRING_ONLY', name: 'Bring only', steps: [bring] },
];

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({
    procedures: PROCEDURES,
    transformers: [transformer('text', 'json', (content) => JSON.stringify({ text: content.toString() }))],
  });
});
afterAll(() => rig.close());

async function start(procedure: string, sends: Record<string, SendSpec>, artifacts: ArtifactSpec[]): Promise<string> {
  const handoffId = newId();
  await rig.client.start({
    handoffId,
    procedure,
    source: { agent: AGENTS.source },
    target: { agent: AGENTS.target, phase: `p-${handoffId}` },
    contract: { contract: { sends } },
    artifacts,
  });
  rig.started.add(handoffId);
  return handoffId;
}

const given = (...names: string[]): ArtifactSpec[] => names.map((name) => ({ name, path: name }));

describe('each rule through a handoff', () => {
  test('all pass before and after the artifacts have moved', async () => {
    await rig.file('good.json', '{"n":1}');
    await rig.file('note.txt', 'hello');
    const id = await start(
      'CHECK_AND_BRING',
      {
        'good.json': { schema: { type: 'object' }, required_fields: ['n'], requires: ['note.txt'] },
        'note.txt': { format: 'json', required_fields: ['text'] },
      },
      given('good.json', 'note.txt'),
    );
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed' });
    const sessions = await rig.storage.validations.list(id);
    expect(sessions.flatMap((s) => s.results.map((r) => [r.rule, r.passed]))).toEqual(
      [...RULES, ...RULES].map((r) => [r, true]),
    );
    // What a worker's own transformer made has arrived.
    expect(readFileSync(rig.arrival(id, 'note.txt'), 'utf8')).toBe('{"text":"hello"}');
    const effects = await rig.client.effects(id);
    expect(effects.find((e) => e.data['artifact'] === 'note.txt')!.data).toMatchObject({
      transformer: 'text_to_json',
    });
  });

  test.each<[string, Record<string, SendSpec>, string]>([
    [
      'DC001',
      { 'bad.json': {}, 'gone.json': {} },
      'gone.json: expected a file that is required, found none of that name',
    ],
    [
      'DC002',
      { 'bad.json': { schema: { maxProperties: 0 } } },
      'bad.json: expected it to NOT have more than 0 properties, found an object with n',
    ],
    ['DC003', { 'bad.json': { checksum: '00'.repeat(32) } }, 'bad.json: expected sha256 0000'],
    ['DC004', { 'bad.json': { required_fields: ['m'] } }, 'bad.json: expected the field m, found an object with n'],
    [
      'DC005',
      { 'bad.json': { schema: { properties: { n: { type: 'number' } } } } },
      'bad.json at /n: expected number, found "x"',
    ],
    [
      'DC006',
      { 'bad.json': { requires: ['gone.json'] }, 'gone.json': { required: false } },
      'bad.json: expected gone.json, which it requires, found nothing',
    ],
  ])('%s fails, and nothing has moved', async (rule, sends, message) => {
    await rig.file('bad.json', '{"n":"x"}');
    const id = await start('CHECK_AND_BRING', sends, given('bad.json'));
    const { outcome, code, reason } = await rig.client.result(id);
    expect([outcome, code]).toEqual(['failed', 'VALIDATION_FAILED']);
    expect(reason).toContain(`${rule} `);
    expect(reason).toContain(message);
    expect(existsSync(rig.arrival(id))).toBe(false);
  });
});

describe('the transfer by itself', () => {
  test('refuses artifacts that break the contract with every fault, before anything is staged', async () => {
    await rig.file('good.json', '{"n":1}');
    await rig.file('bad.json', '{"n":"x"}');
    const sends: Record<string, SendSpec> = {
      'good.json': {},
      'bad.json': { schema: { properties: { n: { type: 'number' } } }, required_fields: ['m'] },
      'gone.json': {},
    };
    const id = await start('BRING_ONLY', sends, given('good.json', 'bad.json'));
    const { outcome, code, reason, undone } = await rig.client.result(id);
    expect([outcome, code, undone]).toEqual(['failed', 'CONTRACT_BROKEN', []]);
    expect(reason).toBe(
      'Step bring: The artifacts break the contract: bad.json: expected the field m, found an object with n; ' +
        'bad.json at /n: expected number, found "x"; gone.json: expected a file that is required, found none of that name',
    );
    expect(existsSync(rig.arrival(id))).toBe(false);
    expect(existsSync(rig.storage.stagingFolder) ? readdirSync(rig.storage.stagingFolder) : []).toEqual([]);
    expect(await rig.client.effects(id)).toEqual([]);

    const { events } = await rig.history(id);
    const failed = events!.filter((e) => e.activityTaskFailedEventAttributes);
    // It is not retried: the same artifacts give the same verdict.
    expect(failed).toHaveLength(1);
    const payload =
      failed[0]!.activityTaskFailedEventAttributes!.failure!.applicationFailureInfo!.details!.payloads![0]!;
    const details = JSON.parse(Buffer.from(payload.data!).toString()) as { faults: ContractFault[]; total: number };
    expect(details.total).toBe(3);
    expect(details.faults.map((f) => [f.code, f.artifact, f.pointer])).toEqual([
      ['missing_field', 'bad.json', ''],
      ['wrong_type', 'bad.json', '/n'],
      ['missing_artifact', 'gone.json', ''],
    ]);
  });

  test('ten thousand faults make no large history', async () => {
    await rig.file('many.json', JSON.stringify(Array.from({ length: 10_000 }, () => 'x'.repeat(100))));
    const id = await start(
      'BRING_ONLY',
      { 'many.json': { schema: { items: { type: 'number' } } } },
      given('many.json'),
    );
    expect(await rig.client.result(id)).toMatchObject({ code: 'CONTRACT_BROKEN' });
    const { events } = await rig.history(id);
    const { failure } = events!.find((e) => e.activityTaskFailedEventAttributes)!.activityTaskFailedEventAttributes!;
    const { data } = failure!.applicationFailureInfo!.details!.payloads![0]!;
    expect(data!.length).toBeGreaterThan(5_000);
    expect(data!.length).toBeLessThan(40_000);
  });

  test('transforms without a contract, where the artifact asks for it', async () => {
    await rig.file('list.csv', 'a,b\n1,2\n');
    const id = await start('BRING_ONLY', {}, [{ name: 'list.csv', path: 'list.csv', transformTo: 'json' }]);
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed' });
    expect(JSON.parse(readFileSync(rig.arrival(id, 'list.csv'), 'utf8'))).toEqual([{ a: '1', b: '2' }]);
  });

  test('names the transformer that nobody has', async () => {
    await rig.file('list.csv', 'a,b\n1,2\n');
    const id = await start('BRING_ONLY', {}, [{ name: 'list.csv', path: 'list.csv', transformTo: 'xml' }]);
    const { code, reason } = await rig.client.result(id);
    expect([code, reason]).toEqual([
      'NO_TRANSFORMER',
      'Step bring: No transformer available: csv_to_xml. There are: csv_to_json, csv_to_markdown, csv_to_yaml, json_to_csv, json_to_markdown, json_to_yaml, text_to_json, yaml_to_csv, yaml_to_json, yaml_to_markdown.',
    ]);
  });
});

describe('beforehand', () => {
  const request = (sends: Record<string, SendSpec>, artifacts: ArtifactSpec[]) => ({
    procedure: 'CHECK_AND_BRING',
    source: { agent: AGENTS.source },
    target: { agent: AGENTS.target, phase: 'later' },
    contract: { contract: { sends } },
    artifacts,
  });

  test('a plan tells each fault once, and that of the transfer', async () => {
    await rig.file('bad.json', '{"n":"x"}');
    const sends = { 'bad.json': { required_fields: ['m'] } };
    const checked = await rig.client.plan(request(sends, given('bad.json')));
    expect(checked.issues.map((i) => i.code)).toContain('CONTRACT_BROKEN');
    expect(checked.steps[0]!.rules.map((r) => [r.rule, r.result])).toEqual(
      RULES.map((r) => [r, r === 'DC004' ? 'failed' : 'passed']),
    );
    // After the artifacts have moved, the rules look at what arrived.
    expect(checked.steps[2]!.rules.map((r) => r.result)).toEqual(RULES.map(() => 'open'));
    const sound = await rig.client.plan(request({ 'bad.json': {} }, given('bad.json')));
    expect(sound).toMatchObject({ ready: true, issues: [] });
  });

  test("a client that has the workers' transformers can tell what they make", async () => {
    await rig.file('note.txt', 'hello');
    const sends = { 'note.txt': { format: 'json', required_fields: ['text'] } };
    const asked = request(sends, given('note.txt'));
    const without = await rig.client.plan(asked);
    expect(without.issues.map((i) => i.message)).toEqual(
      expect.arrayContaining([expect.stringContaining('No transformer available: text_to_json')]),
    );
    expect((await rig.client.validate(asked)).verdict.passed).toBe(false);
    const { HandoffClient } = await import('../../src/client.js');
    const { temporal, storage, taskQueue } = rig;
    const transformers = [transformer('text', 'json', () => '{"text":1}')];
    const knowing = new HandoffClient({ temporal, storage, taskQueue, transformers });
    expect(await knowing.plan(asked)).toMatchObject({ ready: true });
    expect((await knowing.validate(asked)).verdict).toMatchObject({ passed: true, rules: 6 });
  });
});
