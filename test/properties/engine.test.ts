import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rig } from '../rig/rig.js';
import { faultsAgainstModel, startsWhilePaused, type Played } from './against-model.js';
import { disturb } from './disturb.js';
import { World, procedureOf, scenario, type Scenario } from './random-procedures.js';
import { full } from './seed.js';

/** How many runs, how many of them at once. */
const RUNS = full ? 400 : 40;
const AT_ONCE = 40;

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

async function play(n: number, s: Scenario): Promise<Played> {
  const { procedure_id } = await rig.client.addProcedure(procedureOf(`RANDOM_${seed}_${n}`, s));
  const id = await rig.start(procedure_id, { artifacts: [], context: {} });
  const [{ cancelled }, outcome] = await Promise.all([disturb(rig, id, s), rig.client.result(id)]);
  return { id, outcome, cancelled };
}

async function faultsOf(n: number, s: Scenario, tally: Record<string, number>): Promise<string[]> {
  try {
    const played = await play(n, s);
    const { pauses, faults } = await startsWhilePaused(rig, world, played.id);
    const { outcome } = played.outcome;
    tally[outcome] = (tally[outcome] ?? 0) + 1;
    tally['pauses'] = (tally['pauses'] ?? 0) + pauses;
    return [...faultsAgainstModel(world, s, played), ...faults].map((fault) => `${played.id}: ${fault}`);
  } catch (error) {
    return [(error as Error).message];
  }
}

test(
  `${RUNS} random procedures, failures, pauses and cancellations end as an independent model says`,
  {
    timeout: 900_000,
  },
  async () => {
    const scenarios = fc.sample(scenario, { seed, numRuns: RUNS });
    const tally: Record<string, number> = {};
    const failed: string[] = [];
    for (let n = 0; n < RUNS; n += AT_ONCE) {
      const group = scenarios.slice(n, n + AT_ONCE).map(async (s, i) => {
        const faults = await faultsOf(n + i, s, tally);
        if (faults.length > 0) failed.push(`scenario ${n + i}: ${faults.join('; ')}\n${JSON.stringify(s)}`);
      });
      await Promise.all(group);
    }
    console.log(`[properties] HANDOFF_SEED=${seed}: ${JSON.stringify(tally)}`);
    expect(failed, `repeat with HANDOFF_SEED=${seed}`).toEqual([]);
    // A run of chance in which nothing of a kind happened would prove nothing about it.
    expect(Object.keys(tally).toSorted()).toEqual(['cancelled', 'completed', 'failed', 'pauses']);
  },
);
