import type { Effect } from '../../src/core/effect.js';
import type { HandoffOutcome } from '../../src/core/handoff.js';
import type { Rig } from '../rig/rig.js';
import { ATTEMPTS, stepId, type RandomStep, type World } from './random-procedures.js';
import type { Repairs } from './random-repairs.js';
import type { RepairModel } from './repair-model.js';

/** How one repaired handoff went. */
export interface Repaired {
  id: string;
  outcome: HandoffOutcome;
  /** Whether a cancellation was sent while it was open. */
  cancelled: boolean;
  rows: Effect[];
  /** Updates that its history says were taken. */
  updates: number;
}

type Must = (fact: boolean, what: () => string) => void;
const list = (keys: Iterable<string>): string => [...keys].toSorted().join() || 'nothing';

/** Whether the last attempt of a step that failed for good left its effect, and whether its row says so. */
const left = ({ place }: RandomStep): 'nothing' | 'intent' | 'effect' | 'applied' =>
  ({ before: 'nothing', early: 'intent', late: 'effect', after: 'applied' })[place] as 'nothing';

/** Everything in which a run and the world differ from what the repairs that were taken say. */
export function faultsAgainstRepairs(world: World, s: Repairs, model: RepairModel, run: Repaired): string[] {
  const faults: string[] = [];
  const must: Must = (fact, what) => void (fact || faults.push(what()));
  const { outcome, cancelled, updates } = run;
  const possible = model.wholly ? ['failed'] : ['completed'];
  if (cancelled) possible.push('cancelled');
  must(possible.includes(outcome.outcome), () => `outcome ${outcome.outcome}, not ${possible.join(' or ')}`);
  const taken = model.story.length;
  must(updates === taken, () => `${updates} updates stand in the history, and ${taken} were taken`);
  s.steps.forEach((_, i) => attemptsOf(world, model, run, stepId(i), must));
  if (outcome.outcome === 'completed') completed(world, s, model, run, must);
  const completes = outcome.outcome === 'completed';
  const live = new Set(world.effectsOf(run.id));
  for (const row of run.rows) {
    const { irreversible } = s.steps[Number(row.step.slice(1))]!;
    const last = row.epoch === model.lasting(row.step);
    const settled = model.settled.has(row.key);
    const undone = !irreversible && (!completes || !last);
    must((row.status === 'undone') === undone, () => `${row.key} is ${row.status} in the ledger`);
    if (undone && !settled) must(!live.has(row.key), () => `${row.key} is undone, and still there`);
    const taken = undone || (irreversible && (!completes || !last));
    const named = outcome.undone.filter((u) => u.key === row.key);
    must(named.length === Number(taken), () => `the outcome names ${row.key} ${named.length} times`);
    const result = irreversible ? 'irreversible' : settled ? 'resolved_by_hand' : 'undone';
    must(!taken || named[0]?.result === result, () => `${row.key} is named ${String(named[0]?.result)}, not ${result}`);
  }
  for (const key of world.made.keys())
    if (key.startsWith(`${run.id}/`))
      must(
        run.rows.some((r) => r.key === key),
        () => `${key} is not in the ledger`,
      );
  for (const [key, { done }] of world.undos)
    if (key.startsWith(`${run.id}/`)) must(done <= 1, () => `${key} was undone ${done} times`);
  return faults;
}

/** A step begins again only after a repair that says so, and what has finished only after it was taken back. */
function attemptsOf(world: World, model: RepairModel, { id }: Repaired, step: string, must: Must): void {
  const { epochs } = model.steps[step]!;
  const starts = world.starts.filter((a) => a.handoff === id && a.step === step);
  for (const { epoch } of starts) {
    const why = epochs[epoch - 1];
    const mayRun = why === 'begun' || why === 'retry' || why === 'back';
    must(mayRun, () => `step ${step} began at epoch ${epoch}, which is there by ${String(why)}`);
  }
  epochs.forEach((_, i) => {
    const of = starts.filter((a) => a.epoch === i + 1);
    must(of.length <= ATTEMPTS, () => `step ${step} began ${of.length} times at epoch ${i + 1}`);
    const done = of.findIndex((a) => a.succeeded);
    if (done < 0) return;
    must(done === of.length - 1, () => `step ${step} began again at epoch ${i + 1} after it had finished`);
    const next = epochs[i + 1];
    const takenBack = next === undefined || next === 'back' || next === 'back_to';
    must(takenBack, () => `step ${step} finished at epoch ${i + 1}, and was reopened by ${String(next)}`);
  });
}

/** The final state of each step, and exactly the effects that it says. */
function completed(world: World, s: Repairs, model: RepairModel, { id, outcome, rows }: Repaired, must: Must): void {
  const wanted = new Set<string>();
  s.steps.forEach((step, i) => {
    const name = stepId(i);
    const { end, untouched } = model.steps[name]!;
    const { status, note, facts } = outcome.steps[name]!;
    must(status === (end === 'skipped' ? 'skipped' : 'finished'), () => `step ${name} is ${status}, not ${end}`);
    must((note !== undefined) === (end !== 'finished'), () => `step ${name} ended ${end}, with note ${String(note)}`);
    const accepted = i === s.offerAt && end === 'finished';
    must(!accepted || facts?.['acceptedBy'] !== undefined, () => `${name} was finished, and nobody accepted`);
    if (i === s.offerAt || untouched) return;
    const key = `${id}/${name}/${model.lasting(name)}/it`;
    const row = rows.find((r) => r.key === key)?.status;
    const [is, there] =
      end === 'finished'
        ? ['applied', true]
        : {
            nothing: [undefined, false],
            intent: ['intended', false],
            effect: ['intended', true],
            applied: ['applied', true],
          }[left(step)];
    must(row === is, () => `${key} is ${String(row)} in the ledger, not ${String(is)}`);
    if (there) wanted.add(key);
  });
  for (const key of world.made.keys()) {
    const [handoff, name] = key.split('/');
    if (handoff !== id) continue;
    if (model.settled.has(key) || s.steps[Number(name!.slice(1))]!.irreversible) wanted.add(key);
  }
  const there = world.effectsOf(id);
  must(list(there) === list(wanted), () => `effects ${list(there)}, not ${list(wanted)}`);
}

/** How many updates a run has taken, by its history. */
export async function updatesOf(rig: Rig, id: string): Promise<number> {
  const { events } = await rig.history(id);
  return (events ?? []).filter((e) => e.workflowExecutionUpdateAcceptedEventAttributes).length;
}
