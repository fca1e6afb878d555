import type { StrikeReport } from '../core/reliability/report.js';
import type { Fault, Random } from './fault.js';
import type { PlannedStrike } from './plan-faults.js';
import type { Stack } from './stack.js';

export interface Striker {
  strikes: StrikeReport[];
  /** Resolves when iteration `n` (from 1) may start: every strike that is to come before it has begun. */
  gate: (n: number) => Promise<void>;
  /** No strike begins after it; the one that is under way ends, and mends what it broke. */
  stop: () => void;
  /** Resolves when the last strike is over. Never rejects. */
  over: Promise<void>;
}

/** One more try for a strike that met nothing, as where there was no connection to cut. */
const TRIES = 2;

/** Lets the planned strikes happen one after the other, each once so many iterations were started. */
export function striker(
  stack: Stack,
  faults: readonly Fault[],
  plan: readonly PlannedStrike[],
  { random, beganAt, say }: { random: Random; beganAt: number; say: (line: string) => void },
): Striker {
  const strikes: StrikeReport[] = [];
  let stopped = false;
  let begun = 0;
  let asked = 0;
  let waiting: (() => void)[] = [];
  /** Wakes all who wait for something to change; each looks for itself. */
  const wake = (): void => {
    const all = waiting;
    waiting = [];
    for (const one of all) one();
  };
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const strikeOnce = async (fault: Fault): Promise<StrikeReport> => {
    const startedMs = Date.now() - beganAt;
    const { fired, what } = await fault.strike(stack, random).catch((error: unknown) => ({
      fired: false,
      what: `it failed: ${(error as Error).message}`,
    }));
    return { fault: fault.name, startedMs, tookMs: Date.now() - beganAt - startedMs, fired, what };
  };
  const all = async (): Promise<void> => {
    for (const { fault: name, after } of plan) {
      await until(() => stopped || asked > after);
      if (stopped) return;
      begun++;
      wake();
      const fault = faults.find((f) => f.name === name)!;
      for (let tries = 0; tries < TRIES; tries++) {
        const strike = await strikeOnce(fault);
        strikes.push(strike);
        say(`${strike.fault}: ${strike.what}${strike.fired ? '' : ' (it did not fire)'}`);
        if (strike.fired) break;
      }
    }
  };
  return {
    strikes,
    gate: async (n) => {
      asked = Math.max(asked, n);
      wake();
      const due = plan.filter((p) => p.after < n).length;
      await until(() => stopped || begun >= due);
    },
    stop: () => {
      stopped = true;
      wake();
    },
    over: all(),
  };
}
