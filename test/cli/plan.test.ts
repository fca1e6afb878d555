import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { HandoffPlan } from '../../src/plan/plan.js';
import { treeOf } from '../rig/untouched.js';
import { handoff, json } from './rig.js';

let base: string;
let folder: string;
const at = (...more: string[]): string[] => ['--folder', folder, '--address', inject('address'), ...more];
const here = (): string[] => ['--folder', folder];
const EXAMPLE = 'examples/01-phase-transition.json';

beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-plan-'));
  folder = path.join(base, 'data');
  const agents = ['@code-architect', '@nodejs-specialist'];
  await handoff(['agents', 'add', ...agents, '--heartbeat-seconds', '3600', ...here()]);
  await handoff(['phases', 'set', 'blog', '8', 'completed', ...here()]);
  await handoff(['procedures', 'add', 'examples/04-own-procedure.yaml', ...here()]);
}, 60_000);
afterAll(() => rm(base, { recursive: true, force: true }));

/** Lines wider than a common terminal, but for the command at the end, which is to be copied. */
const wide = (text: string): string[] =>
  text.split('\n').filter((line) => line.length > 80 && !line.startsWith('Ready'));

describe('handoff plan', () => {
  it('shows what a handoff would do, and leaves nothing behind', async () => {
    const before = treeOf(base);
    const { code, stdout, stderr } = await handoff(['plan', EXAMPLE, ...at()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(treeOf(base)).toEqual(before);
    expect(wide(stdout)).toEqual([]);
    expect(stdout).not.toContain('\u001b');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual([
      '@code-architect (phase 8) → @nodejs-specialist (phase 13)',
      expect.stringMatching(
        /^PHASE_TRANSITION_STANDARD 1\.0\.0 \([0-9a-f]{12}\) · Standard phase transition$/,
      ) as unknown,
    ]);
    expect(stdout).toContain('  ✓  1 Phase Completion Validation  validate           VR001 ✓  VR002 ✓');
    expect(stdout).toContain('  ·  4 Handoff Validation           validate    3      VR003 ·');
    expect(stdout).toContain('      1.6 kB → artifacts/phase_13/code-architecture.json: new');
    expect(stdout).toContain('      phase 8: completed → handed_off');
    expect(stdout).toMatch(/Rollback plan\n {2}1\. State Synchronization, .*\n {2}2\. Resource Handoff, /);
    expect(stdout).not.toMatch(/Cannot be undone|Not reachable|Not ready/);
    expect(lines.at(-1)).toBe(`Ready: handoff run ${EXAMPLE} --folder ${folder} --address ${inject('address')}`);
  });

  it('where there is no folder: makes none, and says what is missing', async () => {
    const none = path.join(base, 'none');
    const { code, stdout } = await handoff(['plan', EXAMPLE, '--folder', none, '--address', '127.0.0.1:1']);
    expect(code).toBe(1);
    expect(existsSync(none)).toBe(false);
    expect(wide(stdout)).toEqual([]);
    expect(stdout).toMatch(/Not reachable\n {2}@code-architect \(source\): it is not registered/);
    expect(stdout).toMatch(/Not ready: 5 things\n {2}1\. The Temporal server at 127\.0\.0\.1:1 could not be reached/);
    expect(stdout).toContain('next: handoff phases set blog 8 completed');
  });

  it("knows a module's parts, and says what only the workers have", async () => {
    const input = JSON.stringify({
      procedure: 'TICKET_HANDOFF',
      source: { agent: '@code-architect' },
      target: { agent: '@nodejs-specialist' },
    });
    const own = await handoff(['plan', '-', '--module', 'examples/05-own-action.mjs', ...at()], { input });
    expect(own).toMatchObject({ code: 0, stderr: '' });
    expect(own.stdout).toMatch(/OWN001 [✓✗]/);
    expect(own.stdout).toContain('2 Open the ticket: runs open_ticket with {}');
    // A worker that ran here once has made its rule known, which this process lacks.
    const rule = { step_id: 'a', name: 'A', action: 'validate', rules: ['OWN001'] };
    const procedure = { procedure_id: 'OWN_RULE', version: '1.0.0', name: 'Own rule', steps: [rule] };
    const { openStorage } = await import('../../src/storage/storage.js');
    const storage = await openStorage({ folder });
    await storage.procedures.publishParts({ actions: [], rules: ['OWN001'] });
    await storage.procedures.add(procedure);
    await storage.close();
    const asked = { input: input.replace('TICKET_HANDOFF', 'OWN_RULE') };
    const { code, stdout } = await handoff(['plan', '-', ...at()], asked);
    expect(code).toBe(0);
    expect(stdout).toContain('? OWN001 OWN001: not run here: the workers have this rule');
    expect(stdout).toMatch(/\nReady, as far as can be told here: handoff run -/);
  });

  it('answers with one JSON value, and with the errors of a start', async () => {
    const args = ['plan', 'examples/04-own-procedure.request.yaml', '--id', 'ho_1', '--session', 's1'];
    const plan = await json<HandoffPlan & Record<string, unknown>>([...args, ...at()]);
    expect(plan).toMatchObject({ ready: true, issues: [], request: { handoffId: 'ho_1', session: 's1' } });
    const bad = await handoff(['plan', 'examples/input/contract.json', ...at()]);
    expect(bad).toMatchObject({ code: 2, stdout: '' });
    expect(bad.stderr).toMatch(/^error INVALID_REQUEST: .*\n$/);
  });
});

describe('handoff validate', () => {
  it('runs the rules and says what each found; exit code 0 only if they passed', async () => {
    const { code, stdout, stderr } = await handoff(['validate', EXAMPLE, ...here()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(wide(stdout)).toEqual([]);
    expect(stdout).toMatch(
      /✓ VR001 Phase Completion Check \(critical\): phase 8 is completed\n✓ VR002 .*\n· VR003 .*\nPassed\.\nRecorded: handoff validations vs_[-0-9a-f]{36}\n$/,
    );
    const failing = await handoff(['validate', EXAMPLE, '--session', 'other', '--rule', 'VR001', ...here()]);
    expect(failing).toMatchObject({ code: 1, stderr: '' });
    expect(failing.stdout).toMatch(
      /✗ VR001 .*: phase 8 has no record in session\n {2}other\nFailed: 1 rule did not pass\./,
    );
  });

  it('keeps its sessions, the last first', async () => {
    const { session } = await json<{ session: { id: string } }>(['validate', EXAMPLE, '--rule', 'VR007', ...here()]);
    const [last] = await json<{ id: string }[] & Record<string, unknown>>(['validations', '--limit', '1', ...here()]);
    expect(last).toEqual(session);
    expect(await json(['validations', session.id, ...here()])).toEqual(session);
    const shown = await handoff(['validations', session.id, ...here()]);
    expect(shown.stdout).toContain('✓ VR007 Permission Validation (medium): the source may hand over to the target');
    expect(await handoff(['validations', 'vs_no', ...here()])).toMatchObject({ code: 2 });
    const table = await handoff(['validations', ...here()]);
    expect(table.stdout).toContain(`✓  ${session.id}`);
    expect(wide(table.stdout)).toEqual([]);
  });

  it('refuses what it cannot run, and where there is no folder', async () => {
    const unknown = await json(['validate', EXAMPLE, '--rule', 'OWN777', ...here()]);
    expect(unknown).toMatchObject({ error: { code: 'RULE_UNKNOWN' } });
    const none = path.join(base, 'none');
    expect(await json(['validate', EXAMPLE, '--folder', none])).toMatchObject({ error: { code: 'FOLDER_NOT_FOUND' } });
    expect(existsSync(none)).toBe(false);
  });
});
