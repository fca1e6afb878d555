import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Validation } from '../../src/client/validate.js';
import type { SendSpec } from '../../src/core/contract.js';
import { handoff, json } from './rig.js';

const RULES = ['DC001', 'DC002', 'DC003', 'DC004', 'DC005', 'DC006'];
let base: string;
let at: string[];
const inBase = (name: string): string => path.join(base, name);

beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-contract-'));
  at = ['--folder', inBase('data'), '--source', inBase('in')];
  await mkdir(inBase('in/schemas'), { recursive: true });
  await writeFile(inBase('in/a.json'), '{"n":"x"}');
  await writeFile(inBase('in/a.txt'), 'hello');
  await writeFile(inBase('in/schemas/number.json'), '{"properties":{"n":{"type":"number"}}}');
  await writeFile(inBase('in/schemas/small.json'), '{"maxProperties":0}');
  await writeFile(
    inBase('parts.mjs'),
    "export default { transformers: [{ from: 'text', to: 'json', transform: (c) => JSON.stringify({ text: String(c) }) }] };",
  );
  const check = { step_id: 'check', name: 'Check', action: 'validate', rules: RULES };
  const procedure = { procedure_id: 'CONTRACT_CHECK', version: '1.0.0', name: 'Check', steps: [check] };
  await writeFile(inBase('procedure.json'), JSON.stringify(procedure));
  const { code, stderr } = await handoff(['procedures', 'add', inBase('procedure.json'), '--folder', inBase('data')]);
  if (code !== 0) throw new Error(stderr);
}, 60_000);
afterAll(() => rm(base, { recursive: true, force: true }));

async function request(sends: Record<string, SendSpec>, name = 'a.json'): Promise<string> {
  const file = inBase('request.json');
  await writeFile(
    file,
    JSON.stringify({
      procedure: 'CONTRACT_CHECK',
      source: { phase: 8 },
      target: { phase: 13 },
      contract: { contract: { sends } },
      artifacts: [{ name, path: name }],
    }),
  );
  return file;
}

describe('handoff validate', () => {
  it.each<[string, Record<string, SendSpec>, string[]]>([
    ['nothing', { 'a.json': { required_fields: ['n'] } }, []],
    ['DC001', { 'a.json': {}, 'b.json': {} }, ['DC001']],
    ['DC002', { 'a.json': { schema: 'small.json' } }, ['DC002']],
    ['DC003', { 'a.json': { checksum: 'f'.repeat(64) } }, ['DC003']],
    ['DC004', { 'a.json': { required_fields: ['m'] } }, ['DC004']],
    ['DC005', { 'a.json': { schema: 'number.json' } }, ['DC002', 'DC005']],
    ['DC006', { 'a.json': { requires: ['b.json'] }, 'b.json': { required: false } }, ['DC006']],
  ])('finds %s', async (_, sends, failed) => {
    const { session, verdict } = await json<Validation>(['validate', await request(sends), ...at]);
    expect(session.results.filter((r) => !r.passed).map((r) => r.rule)).toEqual(failed);
    expect(session.results).toHaveLength(6);
    expect(verdict.passed).toBe(failed.length === 0);
  });

  it('exits with 1, and shows the fault to a person', async () => {
    const { code, stdout } = await handoff(['validate', await request({ 'a.json': { schema: 'number.json' } }), ...at]);
    expect(code).toBe(1);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('a.json at /n: expected number, found "x"');
  });

  it("knows a module's transformers, as does handoff plan", async () => {
    const file = await request({ 'a.txt': { format: 'json', required_fields: ['text'] } }, 'a.txt');
    const without = await handoff(['validate', file, ...at]);
    expect([without.code, without.stdout.replaceAll(/\s+/g, ' ')]).toEqual([
      1,
      expect.stringContaining('No transformer available: text_to_json'),
    ]);
    const parts = ['--module', inBase('parts.mjs')];
    expect(await handoff(['validate', file, ...at, ...parts])).toMatchObject({ code: 0 });
    expect(await handoff(['plan', file, ...at, ...parts, '--address', inject('address')])).toMatchObject({ code: 0 });
  });
});
