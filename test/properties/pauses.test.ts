import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isClosed } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { Rig } from '../rig/rig.js';
import { TimeRig } from '../rig/time-rig.js';
import { faultsOf, type Counts, type Told } from './pause-history.js';
import type { Span } from './pause-model.js';
import { PausedRuns, disturbRun, lookAt, signal, windUp, type PausedRun, type Ticks } from './paused-runs.js';
import { pauseScenario, type PauseScenario, type Scale } from './random-pauses.js';
import { full } from './seed.js';

const seed = Number(process.env['HANDOFF_SEED'] ?? Date.now() % 2 ** 31);
/** Sequences of each of the two tests, and how many of them share a server's time, or a worker. */
const SEQUENCES = full ? 500 : 12;
const AT_ONCE = full ? 25 : 12;
const STUCK_MS = 60_000;
const DAY = 24 * 60;
/** In so few sequences as the short form has, one of them may be missing. */
const OUTCOMES = full ? ['cancelled', 'completed', 'expired'] : [];

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const each = (runs: readonly PausedRun[], what: (run: PausedRun) => Promise<unknown>): Promise<unknown> =>
  Promise.all(runs.map(what));

/** One test's runs, what was found in them, and how much of everything there was. */
class Findings {
  readonly faults: string[] = [];
  readonly tally: Record<string, number> = {};

  constructor(private readonly where: string) {}

  private count(what: string, by = 1): void {
    this.tally[what] = (this.tally[what] ?? 0) + by;
  }

  /** Compares a run that has ended, or ought to have. */
  async compare(rig: Rig, runs: PausedRuns, run: PausedRun, told: Pick<Told, 'terms' | 'downs' | 'deliveryMs'>) {
    const stuck = sleep(STUCK_MS).then(() => ({ outcome: 'stuck', reason: undefined }));
    const { outcome, reason = '' } = await Promise.race([rig.client.result(run.id), stuck]);
    const { looks, begun } = run;
    const history = await rig.history(run.id);
    const { faults, counts } = faultsOf(history, { ...told, looks, begun, outcome });
    const left = runs.left(run.id);
    if (left !== (outcome === 'completed' ? 4 : 0)) faults.push(`it ended ${outcome} and left ${left} effects`);
    this.faults.push(...faults.map((f) => `${run.id}: ${f} (${outcome} ${reason})\n${JSON.stringify(run.scenario)}`));
    this.count(outcome);
    for (const what of Object.keys(counts) as (keyof Counts)[]) this.count(what, counts[what]);
  }

  /** Of what a run of chance must have had some to prove anything, all that did not happen. */
  lacks(...what: string[]): string[] {
    console.log(`[pauses, ${this.where}] HANDOFF_SEED=${seed}: ${JSON.stringify(this.tally)}`);
    return [...what, 'pauses', 'looks', 'starts'].filter((w) => !this.tally[w]);
  }
}

const groupsOf = (scale: Scale): PauseScenario[][] => {
  const all = fc.sample(pauseScenario(scale), { seed, numRuns: SEQUENCES });
  return Array.from({ length: SEQUENCES / AT_ONCE }, (_, i) => all.slice(i * AT_ONCE, (i + 1) * AT_ONCE));
};
const int = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const termsOf = ({ scenario, startAfter }: PausedRun, { unitMs }: Ticks): Told['terms'] => ({
  spanMs: scenario.span * unitMs,
  runsOn: scenario.runsOn,
  ...(startAfter === undefined ? {} : { startAfter }),
});
const isOpen = async (rig: Rig, run: PausedRun): Promise<boolean> =>
  (await rig.temporal.workflow.getHandle(workflowIdOf(run.id)).describe()).status.name === 'RUNNING';

describe.concurrent(`${2 * SEQUENCES} random sequences of pauses are what a model of their clocks says`, () => {
  test('while days pass', { timeout: 3_600_000 }, async (ctx) => {
    const runs = new PausedRuns();
    const t = await TimeRig.create(ctx, runs.parts);
    onTestFinished(() => t.close());
    const { rig } = t;
    const ticks: Ticks = { now: () => t.now(), unitMs: 60_000 };
    const found = new Findings('days');
    // What is left falls into the middle of what is skipped, so that the test's own seconds decide nothing.
    const spans = int(1, 300).map((n) => n * 10 + 5);
    const scale: Scale = {
      span: spans,
      until: int(1, 5000),
      lease: spans,
      startsIn: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: spans }),
      phases: 4,
      waitMs: 60,
    };
    const skips = fc.sample(fc.constantFrom(10, 60, 200, 600, 30 * DAY), { seed, numRuns: SEQUENCES });
    for (const scenarios of groupsOf(scale)) {
      const group = await Promise.all(scenarios.map((s) => runs.start(rig, s, ticks)));
      for (let phase = 0; phase < scale.phases; phase++) {
        // That server knows no cancellation of an activity that ends at the same time: each message meets a run at rest.
        await each(group, async (run) => {
          await atRest(rig, run);
          for (const d of run.scenario.phases[phase]!) {
            await disturbRun(rig, run, d, ticks, true);
            await atRest(rig, run);
          }
        });
        await t.skip(skips.pop() ?? DAY);
        await each(group, (run) => atRest(rig, run));
      }
      await each(group, (run) => windUp(rig, run, ticks));
      await each(group, (run) => atRest(rig, run));
      await t.skip(60 * DAY);
      await each(group, async (run) => {
        await windUp(rig, run, ticks);
        await atRest(rig, run);
        if ((await isOpen(rig, run)) && run.scenario.end !== 'complete')
          await signal(rig, run, 'cancel', { by: 'op', reason: 'seen enough' });
      });
      await each(group, (run) => found.compare(rig, runs, run, { terms: termsOf(run, ticks), downs: [] }));
    }
    const lacks = found.lacks(...OUTCOMES);
    expect(found.faults, `repeat with HANDOFF_SEED=${seed}`).toEqual([]);
    expect(lacks).toEqual([]);
  });

  test('while workers come and go', { timeout: 3_600_000 }, async () => {
    const runs = new PausedRuns();
    const rig = await Rig.create({ ...runs.parts, deadlineMs: 60_000 });
    onTestFinished(() => rig.close());
    const ticks: Ticks = { now: () => Promise.resolve(Date.now()), unitMs: 1000 };
    const found = new Findings('workers');
    const scale: Scale = {
      span: fc.oneof(int(2, 8), fc.constant(600)),
      until: int(1, 6),
      lease: int(2, 8),
      startsIn: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: int(1, 4) }),
      phases: 5,
      waitMs: 900,
    };
    for (const scenarios of groupsOf(scale)) {
      const downs: Span[] = [];
      const group = await Promise.all(scenarios.map((s) => runs.start(rig, s, ticks)));
      for (let phase = 0; phase < scale.phases; phase++) {
        const up = phase % 2 === 0;
        if (!up) await rig.stopWorker();
        const from = Date.now();
        await each(group, async (run) => {
          for (const d of run.scenario.phases[phase]!) await disturbRun(rig, run, d, ticks, up);
        });
        // A query that waits for a worker, beside a message that does, makes the SDK write a history that does not replay.
        if (up) await each(group, (run) => lookAt(rig, run));
        else {
          downs.push([from, Date.now()]);
          await rig.startWorker();
        }
      }
      await each(group, async (run) => {
        await windUp(rig, run, ticks);
        for (const end = Date.now() + 12_000; (await isOpen(rig, run)) && Date.now() < end;) await sleep(200);
        if (await isOpen(rig, run)) await signal(rig, run, 'cancel', { by: 'op', reason: 'seen enough' });
      });
      const told = { downs, deliveryMs: 3000 };
      await each(group, (run) => found.compare(rig, runs, run, { ...told, terms: termsOf(run, ticks) }));
    }
    const lacks = found.lacks('alone', ...OUTCOMES);
    expect(found.faults, `repeat with HANDOFF_SEED=${seed}`).toEqual([]);
    expect(lacks).toEqual([]);
  });
});

/** Waits until nothing is at work, so that no time-out is skipped over; looks at the run. */
async function atRest(rig: Rig, run: PausedRun): Promise<void> {
  for (const end = Date.now() + STUCK_MS; Date.now() < end; await sleep(60)) {
    const { status, raw } = await rig.temporal.workflow.getHandle(workflowIdOf(run.id)).describe();
    if (status.name !== 'RUNNING') return;
    if (raw.pendingActivities?.length || raw.pendingWorkflowTask) continue;
    const state = await lookAt(rig, run);
    if (!state || isClosed(state.status)) continue;
    const waits = ['pending', 'awaiting_acceptance'].includes(state.status) || Object.keys(state.holds).length > 0;
    if (waits || state.incidents.length > 0) return;
    if (state.status === 'accepted' && Object.values(state.steps).every((s) => s.status === 'finished')) return;
  }
  throw new Error(`${run.id} does not come to rest\n${JSON.stringify(run.scenario)}`);
}
