import { statSync } from 'node:fs';
import path from 'node:path';
import Table from 'cli-table3';
import { HandoffClient } from '../src/client.js';
import type { Outcome } from '../src/core/handoff.js';
import { AGENT_HANDOFF_STANDARD } from '../src/core/standard-procedures.js';
import { memoryOf } from './memory.js';
import { SOURCE, TARGET, openBench, type Bench } from './place.js';
import { quantile, round } from './stats.js';

const COUNT = 5000;
const AT_ONCE = 50;
const WAIT_MS = 60_000;
const SAMPLE_MS = 5000;
const POLL_MS = 250;
/** What a phase may take before it counts as stuck; a handoff takes some 100 ms of one processor's time. */
const stuckAfter = (count: number): number => 120_000 + count * 400;
const OWN_EFFECTS = 3;

/** Megabytes. */
interface Memory {
  server: number;
  worker: number;
}
interface Sample extends Memory {
  /** Seconds since all were open. */
  at: number;
  inboxMs: number;
  listMs: number;
  statusMs: number;
}

/** Each of `ids`, so many at once. Milliseconds that all took. */
async function all<T>(ids: readonly T[], what: (id: T) => Promise<unknown>): Promise<number> {
  const left = [...ids].toReversed();
  const began = performance.now();
  const one = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) await what(id);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return performance.now() - began;
}

const timed = async (what: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await what();
  return round(performance.now() - began, 1);
};
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const sizeOf = (file: string): number =>
  ['', '-wal'].reduce((sum, end) => sum + (statSync(file + end, { throwIfNoEntry: false })?.size ?? 0), 0) / 2 ** 20;

/**
 * `npm run bench -- open`: so many handoffs that wait for their target at once, all paused, resumed, accepted and completed.
 * Returns the figures, one line of JSON. Throws where one is lost.
 */
export async function openBenchmark(args: readonly string[], say: (text: string) => void): Promise<string> {
  const at = args.indexOf('--count');
  const count = at < 0 ? COUNT : Number(args[at + 1]);
  if (!Number.isInteger(count) || count < 1 || count > 20_000) throw new Error('--count: a whole number up to 20000');
  const bench = await openBench(say);
  try {
    return await run(bench, count, say);
  } finally {
    await bench.close();
  }
}

async function run(bench: Bench, count: number, say: (text: string) => void): Promise<string> {
  const { client: temporal, storage, folder } = bench;
  await storage.agents.add({ name: TARGET, capacity: 1_000_000, heartbeatSeconds: 86_400 });
  const client = new HandoffClient({ temporal, storage, deadlineMs: 60_000 });
  const ids = Array.from({ length: count }, (_, i) => `open-${i}`);
  const memory = (): Memory => ({ server: memoryOf(bench.serverPid), worker: memoryOf(bench.workerPid) });
  const databases = () => ({
    temporal: sizeOf(path.join(folder, 'temporal.db')),
    handoff: sizeOf(path.join(folder, 'handoff.db')),
  });
  const statuses = async (status: 'awaiting_acceptance' | 'paused'): Promise<number> =>
    (await storage.handoffs.ids({ status })).length;
  const until = async (what: string, there: () => Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + stuckAfter(count); !(await there()); await sleep(POLL_MS))
      if (Date.now() > end) throw new Error(`not all ${count} are ${what} after ${stuckAfter(count) / 1000} s`);
  };
  const seconds: Record<string, number> = {};
  const phase = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    seconds[name] = round((await timed(work)) / 1000, 1);
    say(`${name}: ${seconds[name]} s; ${shown(memory())}`);
  };

  const before = { ...memory(), ...databases() };
  say(`before: ${shown(before)}`);
  await phase('open', async () => {
    await all(ids, (id) => client.start(requestOf(id)));
    await until('offered', async () => (await statuses('awaiting_acceptance')) === count);
  });
  const open = { ...memory(), ...databases() };
  const inbox = (await client.inbox(TARGET, { limit: count + 1 })).length;
  const samples = await watch(client, ids, memory);
  const signalled = { by: 'bench', reason: 'all of them' };
  await phase('pause', async () => {
    await all(ids, (id) => client.pause(id, signalled));
    await until('paused', async () => (await statuses('paused')) === count);
  });
  await phase('resume', async () => {
    await all(ids, (id) => client.resume(id, { by: 'bench' }));
    await until('resumed', async () => (await statuses('awaiting_acceptance')) === count);
  });
  const outcomes: Partial<Record<Outcome, number>> = {};
  await phase('complete', () =>
    all(ids, async (id) => {
      const { epoch } = await client.accept(id, { by: TARGET });
      await client.complete(id, { by: TARGET, epoch });
      const { outcome } = await client.result(id);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }),
  );
  const lost = await missing(client, ids, inbox, outcomes);
  await sleep(2000);
  const after = { ...memory(), ...databases() };
  const per = (of: keyof typeof open): number => round(((open[of] - before[of]) / count) * 1024, 1);
  say(`\n${tables(before, open, after, samples)}`);
  say(`Per open handoff: server ${per('server')} KB, worker ${per('worker')} KB of memory (runs in its cache);`);
  say(`databases ${per('temporal')} KB (Temporal) and ${per('handoff')} KB (ours). ${lost.length} lost.`);
  if (lost.length > 0) throw new Error(lost.slice(0, 10).join('; '));
  const kb = { server: per('server'), worker: per('worker'), temporal: per('temporal'), handoff: per('handoff') };
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const growth = { server: round(last.server - first.server, 1), worker: round(last.worker - first.worker, 1) };
  return JSON.stringify({
    count,
    lost: 0,
    outcomes,
    seconds,
    before,
    open,
    after,
    perOpenKb: kb,
    growthMb: growth,
    samples,
  });
}

/** Memory, and how long common questions take, while nothing happens. */
async function watch(client: HandoffClient, ids: readonly string[], memory: () => Memory): Promise<Sample[]> {
  const samples: Sample[] = [];
  const began = Date.now();
  for (let n = 0; Date.now() - began <= WAIT_MS; n++) {
    const one = ids[(n * 997) % ids.length]!;
    samples.push({
      at: round((Date.now() - began) / 1000, 0),
      ...memory(),
      inboxMs: await timed(() => client.inbox(TARGET)),
      listMs: await timed(() => client.list({ open: true })),
      statusMs: await timed(() => client.status(one)),
    });
    await sleep(SAMPLE_MS);
  }
  return samples;
}

/** Everything that should be there at the end and is not, by the run's answer, the ledger, the list and the inbox. */
async function missing(
  client: HandoffClient,
  ids: readonly string[],
  inbox: number,
  outcomes: Partial<Record<Outcome, number>>,
): Promise<string[]> {
  const lost: string[] = [];
  if (outcomes.completed !== ids.length) lost.push(`outcomes are ${JSON.stringify(outcomes)}`);
  if (inbox !== ids.length) lost.push(`${inbox} were in the inbox while all waited`);
  const left = (await client.inbox(TARGET)).length;
  if (left > 0) lost.push(`${left} are left in the inbox`);
  const listed = (await client.list({ status: 'completed', limit: ids.length + 1 })).length;
  if (listed !== ids.length) lost.push(`${listed} are listed as completed`);
  await all(ids, async (id) => {
    const effects = await client.effects(id);
    const applied = effects.filter((e) => e.status === 'applied').length;
    if (effects.length !== OWN_EFFECTS || applied !== OWN_EFFECTS)
      lost.push(`${id} has ${applied} of ${effects.length} effects applied, not ${OWN_EFFECTS}`);
  });
  return lost;
}

const requestOf = (id: string) => ({
  handoffId: id,
  procedure: AGENT_HANDOFF_STANDARD.procedure_id,
  source: { agent: SOURCE, phase: 8 },
  target: { agent: TARGET, phase: id },
  session: `s-${id}`,
  artifacts: ['architecture.json', 'decisions.md'].map((name) => ({ name, path: name })),
  context: { architecture: { style: 'hexagonal', modules: 12, of: id } },
  expiresInMinutes: 1440,
});

const shown = ({ server, worker }: Memory): string =>
  `server ${Math.round(server)} MB, worker ${Math.round(worker)} MB`;

type State = Memory & { temporal: number; handoff: number };

function tables(before: State, open: State, after: State, samples: readonly Sample[]): string {
  const style = { head: [], border: [], compact: true };
  const states = new Table({ head: ['MB', 'before', 'all open', 'all completed'], style });
  const row = (name: string, of: keyof State): void =>
    void states.push([name, ...[before, open, after].map((s) => Math.round(s[of]))]);
  row('memory of the server', 'server');
  row('memory of the worker', 'worker');
  row("Temporal's database", 'temporal');
  row('our database', 'handoff');
  const waiting = new Table({ head: ['while they wait, s', ...samples.map((s) => String(s.at))], style });
  const of = (name: string, value: (s: Sample) => number): void =>
    void waiting.push([name, ...samples.map((s) => Math.round(value(s)))]);
  of('server, MB', (s) => s.server);
  of('worker, MB', (s) => s.worker);
  const median = (value: (s: Sample) => number): number => round(quantile(samples.map(value), 0.5), 0);
  const asked = [median((s) => s.inboxMs), median((s) => s.listMs), median((s) => s.statusMs)] as const;
  return `${states.toString()}\n${waiting.toString()}\nOf 100 each: inbox ${asked[0]} ms, list ${asked[1]} ms; status of one ${asked[2]} ms (medians).`;
}
