import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HandoffError } from '../../src/core/errors.js';
import type { HandoffOutcome } from '../../src/core/handoff.js';
import { Rig } from '../rig/rig.js';
import { ATTEMPTS, World, expected, procedureOf, scenario, stepId, type Scenario } from './random-procedures.js';
import { full } from './seed.js';

/** How many runs, how many of them at once. */
const RUNS = full ? 400 : 40;
const AT_ONCE = 40;
/** A start that the server had given out before it heard of a pause arrives a little later. */
const DELIVERY_MS = 300;

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-world-'));
const world = new World(folder);
const seed = Number(process.env['HANDOFF_SEED'] ?? Date.now() % 2 ** 31);
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ actions: world.actions, deadlineMs: 60_000 });
});
afterAll(async () => {
  await rig.close();
  world.close();
  rmSync(folder, { recursive: true, force: true });
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether a message was taken: one that comes too late is refused, and that is all right. */
async function taken(message: Promise<void>): Promise<boolean> {
  try {
    await message;
    return true;
  } catch (error) {
    if (error instanceof HandoffError && error.code === 'WRONG_STATE') return false;
    throw error;
  }
}

interface Played {
  id: string;
  outcome: HandoffOutcome;
  cancelled: boolean;
}

async function play(n: number, s: Scenario): Promise<Played> {
  const { procedure_id } = await rig.client.addProcedure(procedureOf(`RANDOM_${seed}_${n}`, s));
  const id = await rig.start(procedure_id, { artifacts: [], context: {} });
  const by = { by: 'chance', reason: 'at random' };
  const pausing = async (): Promise<void> => {
    if (s.pauseAt === undefined) return;
    await sleep(s.pauseAt);
    if (!(await taken(rig.client.pause(id, by)))) return;
    await sleep(s.pausedFor);
    await taken(rig.client.resume(id, { by: 'chance' }));
  };
  const cancelling = async (): Promise<boolean> => {
    if (s.cancelAt === undefined) return false;
    await sleep(s.cancelAt);
    return taken(rig.client.cancel(id, by));
  };
  const [, cancelled, outcome] = await Promise.all([pausing(), cancelling(), rig.client.result(id)]);
  return { id, outcome, cancelled };
}

const keyOf = (id: string, i: number): string => `${id}/${stepId(i)}/1/it`;

function compareWithModel(s: Scenario, { id, outcome, cancelled }: Played): void {
  const model = expected(s);
  const possible: string[] = cancelled ? [model.outcome, 'cancelled'] : [model.outcome];
  expect(possible).toContain(outcome.outcome);
  const irreversible = s.steps.flatMap((step, i) => (step.irreversible ? [keyOf(id, i)] : []));
  const stays = irreversible.filter((key) => world.made.has(key)).toSorted();
  if (outcome.outcome === 'completed') {
    expect(world.effectsOf(id)).toEqual(model.effects.map((i) => keyOf(id, i)).toSorted());
    s.steps.forEach((step, i) => {
      expect(world.attempts(id, stepId(i)), `attempts of ${i}`).toBe(step.failures + 1);
      // Only an effect whose outcome nobody knew is made again, and with the same key.
      expect(world.made.get(keyOf(id, i)), `effects of ${i}`).toBe(step.place === 'late' ? step.failures + 1 : 1);
    });
  } else {
    expect(world.effectsOf(id), 'nothing stays but what cannot be undone').toEqual(stays);
    const named = outcome.undone.filter((u) => u.result === 'irreversible').map((u) => u.key);
    expect(named, 'what stays is named').toEqual(expect.arrayContaining(stays));
    const undone = new Set(outcome.undone.map((u) => u.key));
    for (const key of world.made.keys()) if (key.startsWith(`${id}/`)) expect(undone).toContain(key);
  }
  s.steps.forEach((step, i) => {
    const starts = world.starts.filter((x) => x.handoff === id && x.step === stepId(i));
    expect(starts.length, `attempts of ${i}`).toBeLessThanOrEqual(ATTEMPTS);
    for (const need of starts.length > 0 ? step.needs : []) {
      const before = world.starts.filter((x) => x.handoff === id && x.step === stepId(need));
      expect(before.at(-1)!.at, `${need} before ${i}`).toBeLessThanOrEqual(starts[0]!.at);
    }
  });
}

const msOf = (t: { seconds?: unknown; nanos?: number | null } | null | undefined): number =>
  Number(t?.seconds ?? 0) * 1000 + (t?.nanos ?? 0) / 1e6;

/** From the history: no action is scheduled between a pause and what ends it; from the world: none begins. */
async function nothingStartsWhilePaused(id: string): Promise<number> {
  const { events } = await rig.history(id);
  let pause: 'no' | 'heard' | 'holds' = 'no';
  let from = 0;
  let pauses = 0;
  for (const e of events ?? []) {
    const signal = e.workflowExecutionSignaledEventAttributes?.signalName;
    const at = msOf(e.eventTime);
    const type = e.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
    expect(pause !== 'no' && type.startsWith('make_'), `event ${String(e.eventId)} schedules ${type} in a pause`).toBe(
      false,
    );
    if (signal === 'pause') pause = 'heard';
    // The task that handles the pause asks what is in flight to stop.
    else if (pause === 'heard' && e.workflowTaskCompletedEventAttributes) [pause, from] = ['holds', at];
    else if (signal && pause !== 'no') {
      if (pause === 'holds') {
        pauses++;
        const began = world.starts.filter((s) => s.handoff === id && s.at > from + DELIVERY_MS && s.at < at);
        expect(began, `starts between ${from} and ${at}`).toEqual([]);
      }
      pause = 'no';
    }
  }
  return pauses;
}

test(`${RUNS} random procedures with failures, pauses and cancellations end as an independent model says`, { timeout: 600_000 }, async () => {
  const scenarios = fc.sample(scenario, { seed, numRuns: RUNS });
  const outcomes: Record<string, number> = {};
  let pauses = 0;
  for (let n = 0; n < RUNS; n += AT_ONCE) {
    await Promise.all(
      scenarios.slice(n, n + AT_ONCE).map(async (s, i) => {
        try {
          const played = await play(n + i, s);
          outcomes[played.outcome.outcome] = (outcomes[played.outcome.outcome] ?? 0) + 1;
          compareWithModel(s, played);
          pauses += await nothingStartsWhilePaused(played.id);
        } catch (error) {
          const repeat = `HANDOFF_SEED=${seed}, scenario ${n + i}: ${JSON.stringify(s)}`;
          throw new Error(`${repeat}\n${(error as Error).message}`, { cause: error });
        }
      }),
    );
  }
  console.log(`[properties] seed ${seed}: ${JSON.stringify(outcomes)}, ${pauses} pauses`);
  expect(Object.keys(outcomes).toSorted()).toEqual(['cancelled', 'completed', 'failed']);
  expect(pauses).toBeGreaterThan(0);
});
