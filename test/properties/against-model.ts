import type { HandoffOutcome } from '../../src/core/handoff.js';
import type { Rig } from '../rig/rig.js';
import { ATTEMPTS, expected, stepId, type Scenario, type World } from './random-procedures.js';

/** How one scenario went. */
export interface Played {
  id: string;
  outcome: HandoffOutcome;
  /** Whether a cancellation was sent while it was open; it may have come too late all the same. */
  cancelled: boolean;
}

/** A start that the server had given out before it heard of a pause arrives a little later. */
const DELIVERY_MS = 1500;

type Fault = (fact: boolean, what: () => string) => void;
const collect = (): [string[], Fault] => {
  const faults: string[] = [];
  return [faults, (fact, what) => void (fact || faults.push(what()))];
};

const keyOf = (id: string, i: number): string => `${id}/${stepId(i)}/1/it`;
const same = (a: readonly string[], b: readonly string[]): boolean => a.toSorted().join() === b.toSorted().join();

/** Everything in which a run and the world differ from what the scenario alone says. */
export function faultsAgainstModel(world: World, s: Scenario, { id, outcome, cancelled }: Played): string[] {
  const [faults, must] = collect();
  const model = expected(s);
  const possible: string[] = cancelled ? [model.outcome, 'cancelled'] : [model.outcome];
  must(possible.includes(outcome.outcome), () => `outcome ${outcome.outcome}, not ${possible.join(' or ')}`);
  const there = world.effectsOf(id);
  if (outcome.outcome === 'completed') {
    const wanted = model.effects.map((i) => keyOf(id, i));
    must(same(there, wanted), () => `effects ${there.join()}, not ${wanted.join()}`);
    s.steps.forEach((step, i) => {
      const [attempts, made] = [world.attempts(id, stepId(i)), world.made.get(keyOf(id, i))];
      must(attempts === step.failures + 1, () => `step ${i} began ${attempts} times`);
      // Only an effect whose outcome nobody knew is made again, and with the same key.
      const times = step.place === 'late' ? step.failures + 1 : 1;
      must(made === times, () => `the effect of step ${i} was made ${String(made)} times, not ${times}`);
    });
  } else {
    const made = [...world.made.keys()].filter((key) => key.startsWith(`${id}/`));
    const stays = made.filter((key) => s.steps.some((step, i) => step.irreversible && keyOf(id, i) === key));
    must(same(there, stays), () => `${there.join()} stays, and only ${stays.join()} may`);
    for (const key of made) {
      const named = outcome.undone.find((u) => u.key === key)?.result;
      must(named !== undefined, () => `${key} was made, and the outcome does not name it`);
      must(!stays.includes(key) || named === 'irreversible', () => `${key} stays, and is named ${String(named)}`);
    }
  }
  s.steps.forEach((step, i) => {
    const begun = world.startsOf(id, stepId(i));
    must(begun.length <= ATTEMPTS, () => `step ${i} began ${begun.length} times`);
    if (begun.length === 0) return;
    for (const need of step.needs) {
      const last = world.startsOf(id, stepId(need)).at(-1) ?? Infinity;
      must(last <= begun[0]!, () => `step ${i} began before step ${need}, which it needs`);
    }
  });
  return faults;
}

const msOf = (t: { seconds?: unknown; nanos?: number | null } | null | undefined): number =>
  Number(t?.seconds ?? 0) * 1000 + (t?.nanos ?? 0) / 1e6;

/** From the history: what was scheduled between a pause and what ended it. From the world: what began. */
export async function startsWhilePaused(
  rig: Rig,
  world: World,
  id: string,
): Promise<{ pauses: number; faults: string[] }> {
  const { events } = await rig.history(id);
  const [faults, must] = collect();
  let pause: 'no' | 'sent' | 'holds' = 'no';
  let from = 0;
  let pauses = 0;
  for (const e of events ?? []) {
    const signal = e.workflowExecutionSignaledEventAttributes?.signalName;
    const type = e.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
    must(pause === 'no' || !type.startsWith('make_'), () => `event ${String(e.eventId)} schedules ${type} in a pause`);
    const at = msOf(e.eventTime);
    // The task that handles the pause asks what is in flight to stop.
    if (signal === 'pause') pause = 'sent';
    else if (pause === 'sent' && e.workflowTaskCompletedEventAttributes) [pause, from] = ['holds', at];
    else if (signal) {
      const began = world.starts.filter((s) => s.handoff === id && s.at > from + DELIVERY_MS && s.at < at);
      if (pause === 'holds') {
        pauses++;
        must(began.length === 0, () => `${began.map((s) => s.step).join()} began in a pause`);
      }
      pause = 'no';
    }
  }
  return { pauses, faults };
}
