import { apiBench } from './api/main.js';
import { createLanes, type LaneName } from './lanes.js';
import { eventsOf, measure, type Samples } from './measure.js';
import { openBenchmark } from './open.js';
import { packageBench } from './package.js';
import { openBench, type Bench } from './place.js';
import { summary, tables, type Result } from './report.js';
import { transferBench } from './transfer.js';

interface Plan {
  lanes: LaneName[];
  /** Handoffs that each lane does in one round, by how many at a time. */
  counts: Map<number, number>;
  warmUp: number;
  rounds: number;
  /** No round begins that would probably end later than this, in milliseconds from the start of the program. */
  untilMs: number;
}

const FULL: Plan = {
  lanes: ['handoff', 'bareRegular', 'bareLocal', 'handoffRaw'],
  counts: new Map([
    [1, 10],
    [20, 80],
    [100, 200],
  ]),
  warmUp: 60,
  rounds: 5,
  untilMs: 15 * 60_000,
};

const QUICK: Plan = {
  lanes: ['handoff', 'bareRegular', 'bareLocal'],
  counts: new Map([
    [1, 3],
    [20, 24],
  ]),
  warmUp: 24,
  rounds: 12,
  untilMs: 41_000,
};

/** `started`: when the program began, so that building counts towards the time that `--quick` may take. */
export async function main(args: readonly string[], started: number): Promise<void> {
  const known = ['--quick', '--json', 'transfer', 'package', 'open', '--count', 'api'];
  const unknown = args.find((a, i) => !known.includes(a) && args[i - 1] !== '--count');
  if (unknown) throw new Error(`unknown option ${unknown}; there are ${known.join(', ')}`);
  // With --json the last line of stdout is for machines; everything else goes to stderr.
  const json = args.includes('--json');
  const say = (text: string): void => void (json ? process.stderr : process.stdout).write(`${text}\n`);
  const benches = { transfer: transferBench, package: packageBench, open: openBenchmark, api: apiBench };
  const name = args.find((a): a is keyof typeof benches => a in benches);
  const alone = name && benches[name];
  if (alone) {
    const figures = await alone(args, say);
    if (json) process.stdout.write(`${figures}\n`);
    return;
  }
  const bench = await openBench(say);
  try {
    const plan = args.includes('--quick') ? QUICK : FULL;
    const result = await runPlan(bench, plan, started, say);
    say(`\n${tables(result, createLanes(bench))}`);
    if (json) process.stdout.write(`${summary(result)}\n`);
  } finally {
    await bench.close();
  }
}

/** Alternates the lanes round by round, so that what else the machine does falls on all of them. */
async function runPlan(bench: Bench, plan: Plan, started: number, say: (text: string) => void): Promise<Result> {
  const lanes = createLanes(bench);
  for (const name of plan.lanes) await measure(bench, lanes[name], 20, plan.warmUp);
  const events: Result['events'] = new Map();
  for (const name of plan.lanes) events.set(name, await eventsOf(bench, lanes[name]));
  const samples: Samples = new Map();
  for (const atATime of plan.counts.keys()) samples.set(atATime, new Map(plan.lanes.map((name) => [name, []])));
  let longest = 0;
  for (let round = 1; round <= plan.rounds; round++) {
    const began = Date.now();
    if (round > 1 && began + longest > started + plan.untilMs) break;
    for (const [atATime, count] of plan.counts) {
      // Every lane is once the first, which has to follow what the round before left behind.
      for (const name of rotated(plan.lanes, round - 1)) {
        samples
          .get(atATime)!
          .get(name)!
          .push(await measure(bench, lanes[name], atATime, count));
      }
    }
    longest = Math.max(longest, Date.now() - began);
    say(`round ${round} of ${plan.rounds} took ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  return { samples, events };
}

const rotated = <T>(list: readonly T[], by: number): T[] => [
  ...list.slice(by % list.length),
  ...list.slice(0, by % list.length),
];
