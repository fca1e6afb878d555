import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { Rule } from '../../src/rules/rule.js';
import { OwnActions } from '../handoff/own-actions.js';
import { Rig } from '../rig/rig.js';
import { rowsOf, treeOf } from '../rig/untouched.js';
import { ruleOf } from '../rules/corner.js';
import { WHOLE } from './procedures.js';

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-validate-'));
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ actions: new OwnActions(folder).actions, procedures: [WHOLE] });
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

const clientWith = (rules: Rule[]): HandoffClient =>
  new HandoffClient({ temporal: rig.temporal, storage: rig.storage, taskQueue: rig.taskQueue, rules });

describe('a validation session by itself', () => {
  test('runs the rules that a procedure names, and is recorded with each result, time and message', async () => {
    const request = await rig.request('PHASE_TRANSITION_STANDARD');
    const started = Date.now();
    const { session, verdict, open } = await rig.client.validate(request);
    expect(verdict).toEqual({ session: session.id, passed: true, rules: 2, failures: [], warnings: [] });
    expect(session).toMatchObject({ procedure: 'PHASE_TRANSITION_STANDARD', passed: true });
    expect(session.startedAt).toBeGreaterThanOrEqual(started);
    expect(session.endedAt).toBeGreaterThanOrEqual(session.startedAt);
    expect(session.results).toEqual([
      {
        rule: 'VR001',
        name: 'Phase Completion Check',
        severity: 'critical',
        passed: true,
        message: 'phase 8 is completed',
        durationMs: expect.any(Number) as number,
      },
      expect.objectContaining({ rule: 'VR002', passed: true, message: '2 artifacts, 33 bytes' }),
    ]);
    expect(open).toEqual([
      { rule: 'VR003', name: 'State Consistency Check', message: 'can be told only after State Synchronization' },
    ]);
    expect(await rig.storage.validations.find(session.id)).toEqual(session);
    expect(session).not.toHaveProperty('handoff');
  });

  test('fails where a rule fails, and changes nothing but its record', async () => {
    const request = await rig.request('WHOLE', {
      source: { phase: 5 },
      artifacts: [{ name: 'no.txt', path: 'no.txt' }],
    });
    const before = {
      rows: await rowsOf(rig.storage),
      files: treeOf(path.join(rig.storage.folder, 'blobs'), rig.storage.root),
    };
    const { session, verdict } = await rig.client.validate(request);
    expect(verdict.failures).toEqual([
      `VR001 Phase Completion Check: phase 5 has no record in session ${request.session}`,
      expect.stringMatching(/^VR002 Resource Availability Check: Artifact no.txt: there is no file at /),
    ]);
    expect(session.passed).toBe(false);
    const { validations, ...others } = await rowsOf(rig.storage);
    const { validations: known, ...same } = before.rows;
    expect(others).toEqual(same);
    expect(validations!.length).toBe(known!.length + 1);
    const files = (tree: object): string[] =>
      Object.entries(tree).flatMap(([f, v]) => (/\.db/.test(f) ? [] : [`${f} ${String(v)}`]));
    expect(files(treeOf(path.join(rig.storage.folder, 'blobs'), rig.storage.root))).toEqual(files(before.files));
  });

  test('runs only the rules that are named, also one that looks at what nothing has done', async () => {
    const request = await rig.request('PHASE_TRANSITION_STANDARD');
    const { session, verdict, open } = await rig.client.validate(request, { rules: ['VR005', 'VR004'] });
    expect(session.results.map((r) => [r.rule, r.passed])).toEqual([
      ['VR005', false],
      ['VR004', true],
    ]);
    expect(verdict.failures).toEqual(['VR005 Context Transfer Validation: nothing was delivered to the target']);
    expect(open).toEqual([]);
  });

  test('by another procedure, with what its steps and its list of rules say', async () => {
    const seen: unknown[] = [];
    const looks = ruleOf('OWN001', () => Promise.resolve({ passed: false, message: 'no' }));
    const client = new HandoffClient({
      temporal: rig.temporal,
      storage: rig.storage,
      rules: [{ ...looks, check: (c) => (seen.push(c.with, c.step), looks.check()) }],
      procedures: [
        {
          procedure_id: 'LISTS',
          version: '1.0.0',
          name: 'Lists',
          validation_rules: [{ rule_id: 'OWN001', severity: 'low' }, { rule_id: 'VR007' }],
          steps: [{ step_id: 'one', name: 'One', action: 'validate', rules: ['OWN001'], with: { strict: true } }],
        },
      ],
    });
    const request = await rig.request('WHOLE');
    const { session, verdict } = await client.validate(request, { procedure: 'LISTS' });
    expect(session).toMatchObject({ procedure: 'LISTS', passed: true });
    expect(verdict).toMatchObject({ rules: 2, failures: [], warnings: ['OWN001 Rule OWN001: no'] });
    expect(seen).toEqual([{ strict: true }, undefined]);
  });

  test('of a handoff that was started, its own state: nothing is left out, and it is shown with it', async () => {
    const request = await rig.request('WHOLE', { acceptance: 'auto' });
    rig.started.add(request.handoffId);
    await rig.client.start(request);
    await rig.client.result(request.handoffId);
    const { session, verdict, open } = await rig.client.validate(request);
    expect(open).toEqual([]);
    expect(verdict).toMatchObject({ passed: true, rules: 7 });
    expect(session.results.find((r) => r.rule === 'VR005')).toMatchObject({ message: '1 context entries delivered' });
    expect((await rig.storage.validations.list(request.handoffId)).map((v) => v.id)).toContain(session.id);
    await expect(rig.client.validate({ ...request, instructions: 'other' })).rejects.toMatchObject({
      code: 'HANDOFF_ID_CONFLICT',
    });
  });

  test('refuses a rule that this process does not have, and records nothing', async () => {
    const request = await rig.request('WHOLE');
    const before = await rig.storage.validations.latest(1000);
    await expect(rig.client.validate(request, { rules: ['VR001', 'OWN001'] })).rejects.toMatchObject({
      code: 'RULE_UNKNOWN',
      params: { rule: 'OWN001' },
    });
    await expect(rig.client.validate(request, { rules: ['../x'] })).rejects.toMatchObject({ code: 'INVALID_ID' });
    expect(await rig.storage.validations.latest(1000)).toEqual(before);
    const own = clientWith([ruleOf('OWN001', () => Promise.resolve({ passed: true, message: 'yes' }))]);
    expect((await own.validate(request, { rules: ['OWN001'] })).verdict.passed).toBe(true);
  });

  test('the last sessions come first, of handoffs and of none', async () => {
    const request = await rig.request('PHASE_TRANSITION_STANDARD');
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await rig.client.validate(request)).session.id);
    expect((await rig.storage.validations.latest(2)).map((v) => v.id)).toEqual([ids[2], ids[1]]);
    expect((await rig.storage.validations.latest(1000)).some((v) => v.step === 'check')).toBe(true);
    expect(await rig.storage.validations.find('vs_nobody')).toBeUndefined();
  });
});
