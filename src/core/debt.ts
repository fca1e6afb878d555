import type { Effect } from './effect.js';
import { isClosed, type HandoffState, type StepState } from './handoff.js';
import { RETURN_STEP } from './returns.js';
import { hasEffect, type Procedure, type Step } from './procedure.js';

/** What a cancellation now would have to take back, by step ids in the order of the undo: the newest first. */
export interface Debt {
  undo: string[];
  /** Steps that have acted and are declared irreversible. */
  cannot: string[];
}

/** As far as the run itself knows; the ledger knows each single effect. */
export function debtOf(procedure: Procedure, s: HandoffState): Debt {
  if (isClosed(s.status)) return { undo: [], cannot: [] };
  const acted = procedure.steps
    .filter((step) => hasEffect(step) && hasBegun(s.steps[step.step_id]))
    .toReversed()
    .toSorted((a, b) => startOf(s, b.step_id) - startOf(s, a.step_id));
  // A trigger that started a child is undone by cancelling it; one that had nothing to trigger owes nothing.
  const facts = (step: Step) => s.steps[step.step_id]?.facts;
  const oneWay = (step: Step): boolean => step.compensation === 'irreversible' && facts(step)?.['child'] === undefined;
  const ids = (irreversible: boolean): string[] =>
    acted
      .filter((step) => facts(step)?.['triggered'] !== 'nothing' && oneWay(step) === irreversible)
      .map((step) => step.step_id);
  const returned = Object.values(s.returns ?? {}).some((r) => r.status === 'received') ? [RETURN_STEP] : [];
  return { undo: [...returned, ...ids(false)], cannot: ids(true) };
}

/** What the ledger's rows of one handoff leave to a cancellation: the newest first. */
export function ledgerDebt(effects: readonly Effect[]): { undo: Effect[]; cannot: Effect[] } {
  const open = effects.filter((e) => e.status !== 'undone').toReversed();
  return { undo: open.filter((e) => !e.irreversible), cannot: open.filter((e) => e.irreversible) };
}

const hasBegun = (step: StepState | undefined): boolean =>
  step !== undefined && step.status !== 'skipped' && step.startedAt !== undefined;

const startOf = (s: HandoffState, step: string): number => s.steps[step]?.startedAt ?? 0;
