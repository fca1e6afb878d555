import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { HandoffClient } from '../../src/client.js';
import { AGENT_HANDOFF_STANDARD } from '../../src/core/standard-procedures.js';
import type { Storage } from '../../src/storage/storage.js';
import { openBench, SOURCE, startChild, TARGET, type Bench } from '../place.js';
import { quantile } from '../stats.js';
import { asker } from './ask.js';
import { apiLanes, type ApiLane, type Question, type Stored } from './lanes.js';
import { apiSummary, apiTables, type ApiSample } from './report.js';
import { storeReports, type About } from './store.js';

const REPORTS = 10_000;

/** Requests of one round, by question and by how many at a time. */
type Counts = Record<Question, Map<number, number>>;
interface Plan {
  counts: Counts;
  rounds: number;
  /** No round begins later than this, in milliseconds from the first one. */
  forMs: number;
}

const countsOf = (one: number, twenty: number): Map<number, number> =>
  new Map([
    [1, one],
    [20, twenty],
  ]);
const FULL: Plan = {
  counts: {
    get: countsOf(100, 500),
    list: countsOf(50, 200),
    dashboard: countsOf(100, 500),
    'dashboard, anew': countsOf(10, 20),
    create: countsOf(20, 60),
  },
  rounds: 10,
  forMs: 8 * 60_000,
};
const QUICK: Plan = {
  counts: {
    get: countsOf(50, 200),
    list: countsOf(20, 60),
    dashboard: countsOf(50, 200),
    'dashboard, anew': countsOf(3, 20),
    create: countsOf(5, 20),
  },
  rounds: 5,
  forMs: 30_000,
};

/** `npm run bench -- api`: what the API layer costs, beside the same queries and writes made directly. */
export async function apiBench(args: readonly string[], say: (text: string) => void): Promise<string> {
  const plan = args.includes('--quick') ? QUICK : FULL;
  const bench = await openBench(say);
  try {
    const about = await handOver(bench);
    const began = performance.now();
    await storeReports(bench.storage, about, REPORTS);
    say(`${REPORTS} reports stored in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return await served(bench, about, plan, say);
  } finally {
    await bench.close();
  }
}

/** A handoff that reports can be about. */
async function handOver({ client: temporal, storage }: Bench): Promise<About> {
  const client = new HandoffClient({ temporal, storage });
  const about = { pipeline_id: 's-bench', task_id: 'bench' };
  await client.start({
    handoffId: about.task_id,
    procedure: AGENT_HANDOFF_STANDARD.procedure_id,
    source: { agent: SOURCE, phase: 8 },
    target: { agent: TARGET, phase: 9 },
    session: about.pipeline_id,
    artifacts: [{ name: 'architecture.json', path: 'architecture.json' }],
    context: { architecture: { style: 'hexagonal' } },
    expiresInMinutes: 1440,
  });
  return about;
}

async function served(bench: Bench, about: About, plan: Plan, say: (text: string) => void): Promise<string> {
  const { storage } = bench;
  const reviewer = await storage.keys.create(TARGET, ['agent', 'reviewer']);
  const author = await storage.keys.create(SOURCE, ['agent']);
  const { child, said } = await startChild('api/service-process.js', bench);
  const asking = [asker(said as number, reviewer.secret), asker(said as number, author.secret)] as const;
  try {
    await settled(storage);
    const stored: Stored = { bench, about, count: REPORTS, ask: asking[0].ask, askAsAuthor: asking[1].ask };
    const lanes = await apiLanes(stored);
    const samples = await rounds(lanes, plan, say);
    say(`\n${apiTables(samples)}`);
    return apiSummary(samples);
  } finally {
    for (const { close } of asking) close();
    child.disconnect();
    if (child.exitCode === null) await once(child, 'exit');
  }
}

/** The service has told everybody what waits for them, which with so many that it never told of takes a while. */
async function settled({ outbox }: Storage): Promise<void> {
  for (let last = -1; ;) {
    const now = await outbox.last();
    if (now === last) return;
    last = now;
    await sleep(3000);
  }
}

let counter = 0;

async function measure({ question, side, run }: ApiLane, atATime: number, count: number): Promise<ApiSample> {
  let left = count;
  const latencies: number[] = [];
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const began = performance.now();
      await run(++counter);
      latencies.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: atATime }, client));
  const perSecond = (count * 1000) / (performance.now() - began);
  return { question, side, atATime, perSecond, latencies, p50: quantile(latencies, 0.5) };
}

/** The sides take turns within each question, and the first of them in one round is the last in the next. */
async function rounds(lanes: ApiLane[], { counts, rounds: most, forMs }: Plan, say: (text: string) => void) {
  const samples: ApiSample[] = [];
  for (const lane of lanes) await measure(lane, 5, Math.ceil(counts[lane.question].get(1)! / 2));
  const until = Date.now() + forMs;
  for (let round = 1; round <= most && (round === 1 || Date.now() < until); round++) {
    const began = Date.now();
    const inTurn = round % 2 === 0 ? lanes.toReversed() : lanes;
    for (const atATime of [1, 20])
      for (const lane of inTurn) samples.push(await measure(lane, atATime, counts[lane.question].get(atATime)!));
    say(`round ${round} of ${most} took ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  return samples;
}
