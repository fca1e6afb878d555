import { expect, test } from 'vitest';
import { CHAOS_VICTIMS, cellName, type ChaosCell } from '../../src/core/reliability/chaos.js';
import { AGENT_HANDOFF_STANDARD, PHASE_TRANSITION_STANDARD } from '../../src/core/standard-procedures.js';
import { runChaos } from '../../src/reliability/chaos/chaos.js';
import { CHECKED_MODULE } from '../../src/reliability/checker.js';
import checked from '../../src/reliability/checker/parts.js';

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
