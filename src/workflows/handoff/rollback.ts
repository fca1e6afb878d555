import { condition } from '@temporalio/workflow';
import type { EffectFact } from '../../core/effect.js';
import type { TakeBack, UndoResult } from '../../core/handoff.js';
import { RETURN_STEP } from '../../core/returns.js';
import { epochAfter } from '../../core/take-back.js';
import type { BeginUndoTask, UndoChoice } from '../../core/task.js';
import { beginUndo, callUndo, detailsOf, failureOf } from './activities.js';
import type { Decision, Run } from './run.js';
import { stopSteps } from './steps.js';

/** Effects of ours that one activity undoes: a long list must not fill the history. A user's undo has one of its own. */
const BATCH = 100;

/**
 * Undoes everything that the ledger holds of this handoff, newest first, whether or not the run remembers it. An undo
 * that fails parks the run as an incident until an operator decides. Runs shielded from cancellation. `forAll`: what an
 * operator has decided about every effect beforehand.
 */
export async function rollback(run: Run, forAll?: UndoChoice): Promise<void> {
  stopSteps(run);
  run.receiving?.cancel();
  await condition(() => run.inFlight.size === 0 && !run.takingBack && !run.receiving);
  // A submission that no attempt has begun is shut out like the steps.
  const returns = run.state.returns ? [RETURN_STEP] : [];
  await undoPages(
    run,
    { handoff: run.id, steps: [...run.procedure.steps.map((s) => s.step_id), ...returns] },
    { forAll },
  );
  const named = new Set(run.state.undone.map((u) => u.key));
  // All is undone by now: asked again, the ledger says what became of each.
  for (const batch of batches(run.cutShort.filter((e) => !named.has(e.key)))) await undoBatch(run, batch, {});
}

/**
 * Undoes a part that an operator takes back, beside the main loop; the rest of the handoff goes on. A
 * handoff that ends meanwhile is rolled back as a whole instead.
 */
export async function undoPart(run: Run, { steps, becomes }: TakeBack): Promise<void> {
  run.takingBack = true;
  const ended = (): boolean => run.state.ending !== undefined;
  try {
    stopSteps(run, steps);
    if (steps.includes(RETURN_STEP)) run.receiving?.cancel();
    const atWork = (id: string): boolean => (id === RETURN_STEP ? run.receiving !== undefined : run.inFlight.has(id));
    await condition(() => ended() || !steps.some(atWork));
    const epochs = Object.fromEntries(steps.map((id) => [id, epochAfter(run.state, id)]));
    const task = { handoff: run.id, steps, epochs };
    if (!ended()) await (becomes === 'resolved' ? beginUndo(task) : undoPages(run, task, { until: ended }));
    if (!ended()) run.dispatch({ type: 'taken_back' });
  } catch (fault) {
    run.failWith(fault);
  } finally {
    run.takingBack = false;
    run.wake();
  }
}

/** Undoes what is there of some returned artifacts, and shuts out late attempts at them. `until`: as in {@link UndoHow}. */
export async function undoReturned(
  run: Run,
  names: readonly string[],
  epoch: number,
  until: () => boolean,
): Promise<void> {
  const of = (e: EffectFact): boolean => names.includes(e.key.split('/').slice(3).join('/'));
  await undoPages(run, { handoff: run.id, steps: [RETURN_STEP], epochs: { [RETURN_STEP]: epoch } }, { until, of });
}

interface UndoHow {
  /** Only these of what the ledger holds. */
  of?: (effect: EffectFact) => boolean;
  forAll?: UndoChoice | undefined;
  /** Once it is true the rest is left to somebody else. */
  until?: () => boolean;
}

async function undoPages(run: Run, task: BeginUndoTask, how: UndoHow): Promise<void> {
  for (
    let page = await beginUndo(task);
    page.length > 0;
    page = await beginUndo({ ...task, before: page.at(-1)!.seq })
  ) {
    for (const batch of batches(how.of ? page.filter(how.of) : page)) {
      if (how.until?.()) return;
      await undoBatch(run, batch, how);
    }
  }
}

/** Neighbours of the same step go together; what cannot be undone is only named. */
function batches(effects: readonly EffectFact[]): EffectFact[][] {
  const found: EffectFact[][] = [];
  for (const effect of effects) {
    const last = found.at(-1);
    const fits =
      !effect.kind.startsWith('action:') &&
      last &&
      last.length < BATCH &&
      last[0]!.step === effect.step &&
      last[0]!.irreversible === effect.irreversible;
    if (fits) last.push(effect);
    else found.push([effect]);
  }
  return found;
}

async function undoBatch(run: Run, batch: readonly EffectFact[], { forAll, until }: UndoHow): Promise<void> {
  const [{ step: stepId, irreversible }] = batch as [EffectFact];
  const report = (i: number, result: UndoResult): void => run.dispatch(reported(batch[i]!, result));
  if (irreversible) return batch.forEach((_, i) => report(i, 'irreversible'));
  const step = run.procedure.steps.find((s) => s.step_id === stepId);
  const undo = callUndo(
    step,
    batch.length,
    `Undo ${step?.name ?? stepId}: ${batch.map((e) => e.key.split('/').slice(3).join('/')).join(', ')}`,
  );
  const choices: Record<string, UndoChoice> = forAll ? Object.fromEntries(batch.map((e) => [e.key, forAll])) : {};
  for (;;) {
    try {
      const results = await undo({ subject: run.input.subject, keys: batch.map((e) => e.key), choices });
      return results.forEach((result, i) => report(i, result));
    } catch (error) {
      // Of several effects some may be undone, and only the ledger knows which.
      const isCutShort = (): boolean => until?.() === true && run.cutShort.push(...batch) > 0;
      if (isCutShort()) return;
      const { key, choice } = await decisionOn(run, batch, error, until);
      if (isCutShort()) return;
      if (choice) choices[key] = choice;
      else delete choices[key];
    }
  }
}

const reported = (effect: EffectFact, result: UndoResult) =>
  ({ type: 'effect_undone', effect: { key: effect.key, resource: effect.resource, result } }) as const;

/** Opens an incident for the effect that could not be undone, and waits for what an operator says to it. */
async function decisionOn(
  run: Run,
  batch: readonly EffectFact[],
  error: unknown,
  until: (() => boolean) | undefined,
): Promise<{ key: string; choice?: UndoChoice }> {
  const details = detailsOf(error);
  // A time-out does not say where it struck: the first that is left is as good as any.
  const effect = batch.find((e) => e.key === details['key']) ?? batch[0]!;
  const { ours, theirs, before } = details as Record<string, string | undefined>;
  const conflict = ours && theirs && before ? { conflict: { resource: effect.resource, ours, theirs, before } } : {};
  run.dispatch({ type: 'undo_failed', effect: effect.key, step: effect.step, error: failureOf(error), ...conflict });
  const incident = run.state.incidents.find((i) => i.effect === effect.key)!.id;
  await condition(() => run.decisions.has(incident) || until?.() === true);
  const decision = run.decisions.get(incident);
  const choice = decision && choiceOf(decision);
  return { key: effect.key, ...(choice ? { choice } : {}) };
}

function choiceOf(decision: Decision): UndoChoice | undefined {
  if (decision.kind === 'retry') return undefined;
  return { choice: decision.choice ?? 'by_hand', ...(decision.value === undefined ? {} : { value: decision.value }) };
}
