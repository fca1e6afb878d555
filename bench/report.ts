import Table from 'cli-table3';
import type { Lane, LaneName } from './lanes.js';
import type { Sample, Samples } from './measure.js';
import { median, quantile, round, spreadOf, type Spread } from './stats.js';

export interface Result {
  samples: Samples;
  events: Map<LaneName, number>;
}

/** Our rate and median latency divided by another lane's of the same round. */
function ratios(samples: Map<LaneName, Sample[]>, other: LaneName): { rate: Spread; p50: Spread } | undefined {
  const [ours, theirs] = [samples.get('handoff') ?? [], samples.get(other) ?? []];
  if (other === 'handoff' || theirs.length === 0) return undefined;
  return {
    rate: spreadOf(theirs.map((t, i) => ours[i]!.perSecond / t.perSecond)),
    p50: spreadOf(theirs.map((t, i) => ours[i]!.p50 / t.p50)),
  };
}

const shown = (s: Spread | undefined): string => (s ? `${round(s.median)} × (${round(s.min)}–${round(s.max)})` : '');
const mid = (samples: readonly Sample[], of: (s: Sample) => number): number => round(median(samples.map(of)), 1);

/** For people: a table for each concurrency. */
export function tables({ samples, events }: Result, lanes: Record<LaneName, Lane>): string {
  const parts = [...samples].map(([atATime, byLane]) => {
    const table = new Table({
      head: [
        '',
        'per s',
        'p50 ms',
        'p95 ms',
        'server',
        'worker',
        'client',
        'events',
        'our rate ÷ its',
        'our p50 ÷ its',
      ],
      colAligns: ['left', ...Array<'right'>(9).fill('right')],
      style: { head: [], border: [], compact: true },
    });
    for (const [name, rounds] of byLane) {
      const latencies = rounds.flatMap((r) => r.latencies);
      const ratio = ratios(byLane, name);
      table.push([
        lanes[name].name,
        mid(rounds, (r) => r.perSecond),
        round(quantile(latencies, 0.5), 0),
        round(quantile(latencies, 0.95), 0),
        mid(rounds, (r) => r.serverCpu),
        mid(rounds, (r) => r.workerCpu),
        mid(rounds, (r) => r.clientCpu),
        events.get(name) ?? '',
        shown(ratio?.rate),
        shown(ratio?.p50),
      ]);
    }
    const [first] = byLane.values();
    const handoffs = first!.reduce((sum, r) => sum + r.latencies.length, 0);
    return `${atATime} at a time, ${first!.length} rounds, ${handoffs} handoffs a lane\n${table.toString()}`;
  });
  const legend =
    'server, worker, client: CPU milliseconds per handoff. Rates and CPU: median of the rounds. Ratios: median (least–most) of the rounds.';
  return [...parts, legend].join('\n\n');
}

/** For machines: one line. */
export function summary({ samples, events }: Result): string {
  const at = (n: number, other: LaneName) => ratios(samples.get(n) ?? new Map<LaneName, Sample[]>(), other);
  const regular = at(20, 'bareRegular');
  const local = at(1, 'bareLocal');
  const rateAt = (n: number, other: LaneName): number | undefined => round(at(n, other)?.rate.median ?? Number.NaN);
  return JSON.stringify({
    vsBareRegular: round(regular!.rate.median),
    p50VsBareLocal: round(local!.p50.median),
    eventsPerHandoff: events.get('handoff'),
    vsBareRegularSpread: [round(regular!.rate.min), round(regular!.rate.max)],
    p50VsBareLocalSpread: [round(local!.p50.min), round(local!.p50.max)],
    p50VsBareRegular: round(at(1, 'bareRegular')!.p50.median),
    vsBareLocal: rateAt(20, 'bareLocal'),
    vsBareRegularAt100: samples.has(100) ? rateAt(100, 'bareRegular') : undefined,
    perSecond: round(
      median(
        samples
          .get(20)!
          .get('handoff')!
          .map((s) => s.perSecond),
      ),
      1,
    ),
    cpuMs: round(
      median(
        samples
          .get(20)!
          .get('handoff')!
          .map((s) => s.serverCpu + s.workerCpu + s.clientCpu),
      ),
      1,
    ),
    rounds: samples.get(20)!.get('handoff')!.length,
  });
}
