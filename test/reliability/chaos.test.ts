import { fileURLToPath } from 'node:url';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { chaos, type ChaosCommandOptions } from '../../src/cli/chaos.js';
import { openIo } from '../../src/cli/io.js';
import { chaosText } from '../../src/cli/text/chaos-text.js';
import { textWidth } from '../../src/cli/text/width.js';
import {
  CHAOS_VICTIMS,
  cellName,
  chaosReport,
  type ChaosCell,
  type ChaosCellReport,
} from '../../src/core/reliability/chaos.js';
import { AGENT_HANDOFF_STANDARD, PHASE_TRANSITION_STANDARD } from '../../src/core/standard-procedures.js';
import { cellsOf, sceneOf } from '../../src/reliability/chaos/cells.js';
import { runChaos } from '../../src/reliability/chaos/chaos.js';
import { CHECKED_MODULE } from '../../src/reliability/checker.js';
import checked from '../../src/reliability/checker/parts.js';
import careless from './careless.mjs';

const FULL = process.env['HANDOFF_CRASH'] === 'full';

/** One of each kind, where it is nastiest: between the deed and its record, in an undo, and while it waits. */
const SHORT: Record<string, string[]> = {
  PHASE_TRANSITION_STANDARD: ['server at undo.acted of state_synchronization'],
  AGENT_HANDOFF_STANDARD: ['both while awaiting_acceptance'],
  RELIABILITY_CHECKED: ['worker at step.acted of second_call', 'worker at undo.acted of first_call'],
};

test.concurrent.for([PHASE_TRANSITION_STANDARD, AGENT_HANDOFF_STANDARD, ...checked.procedures])(
  '$procedure_id: killed where it hurts, every effect is made once, or undone',
  { timeout: FULL ? 3_600_000 : 120_000 },
  async (procedure) => {
    const chosen = (cell: ChaosCell): boolean => FULL || (SHORT[procedure.procedure_id] ?? []).includes(cellName(cell));
    const report = await runChaos({
      procedure,
      source: '.',
      victims: CHAOS_VICTIMS,
      times: 1,
      parallel: 1,
      parts: { modules: [CHECKED_MODULE] },
      chosen,
    });
    expect(report.violations).toEqual([]);
    expect(report.cells.filter((c) => c.verdict !== 'ok').map(cellName)).toEqual([]);
    expect(report.fired).toBe(FULL ? report.cells.length : SHORT[procedure.procedure_id]!.length);
    for (const { recoveryMs, runs } of report.cells.map((c) => ({ ...c, recoveryMs: c.runs[0]!.recoveryMs }))) {
      expect(recoveryMs).toBeGreaterThanOrEqual(0);
      expect(runs[0]!.endedMs).toBeGreaterThanOrEqual(recoveryMs!);
    }
  },
);

test.concurrent('a delivery that its receiver cannot know again is a violation', { timeout: 120_000 }, async () => {
  const [procedure] = careless.procedures;
  const report = await runChaos({
    procedure,
    source: '.',
    victims: ['worker'],
    times: 1,
    parallel: 1,
    parts: { modules: [CHECKED_MODULE, fileURLToPath(new URL('careless.mjs', import.meta.url))] },
    chosen: (cell) => cellName(cell) === 'worker at step.acted of second_call',
  });
  expect(report).toMatchObject({ ok: false, fired: 1, cells: [{ verdict: 'violation' }] });
  expect(report.violations).toContainEqual(
    expect.stringContaining('second_call/delivery was made again under another key'),
  );
});

describe('the matrix', () => {
  test('strikes every step and undo at three moments, and every state that there is', () => {
    const cells = cellsOf(AGENT_HANDOFF_STANDARD, ['worker']).map(cellName);
    expect(cells).toHaveLength(4 * 3 + 2 * 3 + 7);
    expect(cells).toContain('worker while accepted');
    expect(cellsOf(PHASE_TRANSITION_STANDARD, CHAOS_VICTIMS)).toHaveLength(3 * (4 * 3 + 2 * 3 + 5));
  });

  test('of a procedure whose last step is of the run alone: its target rejects it', () => {
    const ask = { step_id: 'ask', name: 'Ask', action: 'confirm' };
    const procedure = { ...PHASE_TRANSITION_STANDARD, steps: [...PHASE_TRANSITION_STANDARD.steps, ask] };
    expect(cellsOf(procedure, ['worker']).map(cellName)).not.toContain('worker at step.acted of ask');
    expect(
      sceneOf(procedure, { victim: 'worker', kind: 'undo', step: 'resource_handoff', moment: 'acted' }),
    ).toMatchObject({ before: 'undo.acted:resource_handoff=kill@1', after: '', isUndone: true, isRejected: true });
  });

  test('fits 80 columns, and says each violation', () => {
    const run = {
      handoff: 'h',
      fired: true,
      outcome: 'completed',
      recoveryMs: 6123,
      endedMs: 7000,
      faults: [],
    } as const;
    const reports = cellsOf(PHASE_TRANSITION_STANDARD, CHAOS_VICTIMS).map((cell): ChaosCellReport => ({
      ...cell,
      verdict: 'ok',
      runs: [{ ...run, faults: [] }],
    }));
    const bad: ChaosCellReport = {
      ...reports[4]!,
      verdict: 'violation',
      runs: [{ ...run, faults: ['h: lost'] }],
    };
    const cells = reports.with(4, bad).with(5, { ...reports[5]!, verdict: 'not_reached' });
    const report = chaosReport({ procedure: 'PHASE_TRANSITION_STANDARD', times: 1, durationMs: 1000 }, cells);
    const text = chaosText(picocolors.createColors(false), report);
    for (const line of text.split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(80);
    expect(text).toMatch(/^resource_handoff +ok 6\.1 s +VIOLATION 1\/1 +not reached$/m);
    expect(text).toContain('worker at step.acted of resource_handoff: h: lost');
    expect(report).toMatchObject({ ok: false, p95RecoveryMs: { worker: 6123 } });
  });
});

test.each<[string, Partial<ChaosCommandOptions>, string]>([
  ['NOPE', {}, 'No procedure NOPE is known here'],
  ['PHASE_TRANSITION_STANDARD', { victims: 'worker,disk' }, '--victims: disk is none'],
  ['PHASE_TRANSITION_STANDARD', { only: 'nowhere' }, 'No cell of PHASE_TRANSITION_STANDARD has "nowhere"'],
  [
    'PHASE_TRANSITION_STANDARD',
    { request: 'examples/01-phase-transition.json', from: 'test' },
    '--from names the folder of the artifacts',
  ],
])('%s with %o is refused before anything starts', async (name, options, said) => {
  const began = Date.now();
  const asked = { folder: 'no-such-folder', times: 1, parallel: 1, ...options };
  await expect(chaos(name, asked, openIo(true))).rejects.toThrow(said);
  expect(Date.now() - began).toBeLessThan(5000);
});
