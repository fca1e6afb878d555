import { condition } from '@temporalio/workflow';
import type { EffectFact } from '../../core/effect.js';
import { beginUndo, callUndo, detailsOf, failureOf } from './activities.js';
import type { Decision, Run } from './run.js';
import { stopSteps } from './steps.js';

/**
 * Undoes everything that the ledger holds of this handoff, newest first, whether or not the run remembers it. An undo
 * that fails parks the run as an incident until an operator decides. Runs shielded from cancellation.
 */
export async function rollback(run: Run): Promise<void> {
  stopSteps(run);
  await condition(() => run.inFlight.size === 0);
  const steps = run.procedure.steps.map((s) => s.step_id);
  for (const effect of await beginUndo({ handoff: run.id, steps })) {
    if (effect.irreversible) {
      run.dispatch({
        type: 'effect_undone',
        effect: { key: effect.key, resource: effect.resource, result: 'irreversible' },
      });
    } else {
      await undoOne(run, effect);
    }
  }
}

async function undoOne(run: Run, effect: EffectFact): Promise<void> {
  const { key, resource } = effect;
  const step = run.procedure.steps.find((s) => s.step_id === effect.step);
  const undo = callUndo(step, `Undo ${step?.name ?? effect.step}: ${key.split('/').slice(3).join('/')}`);
  let decision: Decision | undefined;
  for (;;) {
    try {
      const { result } = await undo({ subject: run.input.subject, key, ...choiceOf(decision) });
      return run.dispatch({ type: 'effect_undone', effect: { key, resource, result } });
    } catch (error) {
      const { ours, theirs, before } = detailsOf(error) as Record<string, string | undefined>;
      const conflict = ours && theirs && before ? { conflict: { resource, ours, theirs, before } } : {};
      run.dispatch({ type: 'undo_failed', effect: key, step: effect.step, error: failureOf(error), ...conflict });
      const incident = run.state.incidents.find((i) => i.effect === key)!.id;
      await condition(() => run.decisions.has(incident));
      decision = run.decisions.get(incident);
    }
  }
}

function choiceOf(decision: Decision | undefined): {
  choice?: 'keep_theirs' | 'restore_before' | 'merge' | 'by_hand';
  value?: unknown;
} {
  if (decision?.kind !== 'resolve') return {};
  return { choice: decision.choice ?? 'by_hand', ...(decision.value === undefined ? {} : { value: decision.value }) };
}
