import { cpuOf } from './cpu.js';
import type { Lane, LaneName, Prepared } from './lanes.js';
import type { Bench } from './place.js';
import { quantile } from './stats.js';

/** What one lane did in one round at one concurrency. Times in milliseconds; CPU per handoff. */
export interface Sample {
  perSecond: number;
  latencies: number[];
  p50: number;
  serverCpu: number;
  workerCpu: number;
  clientCpu: number;
}

/** Samples by concurrency and lane, one for each round. */
export type Samples = Map<number, Map<LaneName, Sample[]>>;

let counter = 0;

/** Sets up `count` handoffs, then has `atATime` clients start and await them, each one after the other. */
export async function measure(bench: Bench, lane: Lane, atATime: number, count: number): Promise<Sample> {
  const prepared: Prepared[] = [];
  for (let i = 0; i < count; i++) prepared.push(await lane.prepare(`b${++counter}`));
  const latencies: number[] = [];
  const client = async (): Promise<void> => {
    for (let next = prepared.pop(); next; next = prepared.pop()) {
      const started = performance.now();
      await next.run();
      latencies.push(performance.now() - started);
    }
  };
  const before = cpuNow(bench);
  const started = performance.now();
  await Promise.all(Array.from({ length: atATime }, client));
  const seconds = (performance.now() - started) / 1000;
  const after = cpuNow(bench);
  return {
    perSecond: count / seconds,
    latencies,
    p50: quantile(latencies, 0.5),
    serverCpu: (after.server - before.server) / count,
    workerCpu: (after.worker - before.worker) / count,
    clientCpu: (after.client - before.client) / count,
  };
}

const cpuNow = ({ serverPid, workerPid }: Bench) => {
  const { user, system } = process.cpuUsage();
  return { server: cpuOf(serverPid), worker: cpuOf(workerPid), client: (user + system) / 1000 };
};

/** Events in the history of one handoff of a lane. */
export async function eventsOf(bench: Bench, lane: Lane): Promise<number> {
  const one = await lane.prepare(`b${++counter}`);
  await one.run();
  return (await bench.client.workflow.getHandle(one.workflowId).describe()).historyLength;
}
