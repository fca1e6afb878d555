import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import { dueAt } from '../../core/clock.js';
import { isClosed, type HandoffState } from '../../core/handoff.js';
import { nextDue } from '../../core/returns.js';
import { endsToCome } from '../../core/timing.js';
import type { Run } from './run.js';

/** Upper bound of one timer; a later time is reached by several. */
const MAX_TIMER_MS = 30 * 24 * 60 * 60 * 1000;

/** Returns that have a timer of their own: the ones that are due first. Each that fires makes room for the next. */
const RETURN_TIMERS = 20;

interface Wanted {
  at: number;
  summary: string;
}

/**
 * The durable timers of a run. A timer is only a wake-up: when it fires, the main loop asks the reducer what is due, so
 * one that is late, early or left over decides nothing. A timer whose reason is gone is cancelled, so that the Web UI
 * shows only what really will happen.
 */
export class Timers {
  private readonly running = new Map<string, { at: number; scope: CancellationScope }>();

  constructor(private readonly run: Run) {}

  /** Starts, moves and cancels timers so that they fit the state. */
  sync(): void {
    const wanted = wantedTimers(this.run);
    for (const [name, timer] of this.running) {
      if (wanted.get(name)?.at === timer.at) continue;
      this.running.delete(name);
      timer.scope.cancel();
    }
    for (const [name, w] of wanted) if (!this.running.has(name)) this.start(name, w);
  }

  cancelAll(): void {
    for (const { scope } of this.running.values()) scope.cancel();
    this.running.clear();
  }

  private start(name: string, { at, summary }: Wanted): void {
    const scope = new CancellationScope({ cancellable: true });
    const entry = { at, scope };
    this.running.set(name, entry);
    const ms = Math.min(Math.max(1, at - Date.now()), MAX_TIMER_MS);
    void scope
      .run(() => sleep(ms, { summary }))
      .then(() => {
        if (this.running.get(name) === entry) this.running.delete(name);
        return this.run.wake();
      })
      .catch((error: unknown) => {
        if (!isCancellation(error)) this.run.failWith(error);
      });
  }
}

function wantedTimers({ state: s, input, procedure }: Run): Map<string, Wanted> {
  const { startAfter, subject } = input;
  const wanted = new Map<string, Wanted>();
  if (s.status === 'compensating' || isClosed(s.status)) return wanted;
  const put = (name: string, at: number | undefined, summary: string): void => {
    if (at !== undefined) wanted.set(name, { at, summary });
  };
  put('expiry', dueAt(s.expiry), 'Expires unless it is accepted before');
  put('lease', s.lease && dueAt(s.lease), `Lease of ${s.acceptance.by ?? 'the target'} ends`.slice(0, 120));
  for (const { name, at } of nextReturns(s)) put(`return-${name}`, at, `Awaits the return of ${name}`.slice(0, 120));
  if (s.status === 'pending' && startAfter !== undefined && startAfter > Date.now()) put('start', startAfter, 'Starts');
  const { waitsUntil } = s;
  if (waitsUntil && waitsUntil.at > Date.now())
    put('hold', waitsUntil.at, `Waits until phase ${subject.target.phase ?? '?'} may start`);
  for (const { end, at } of endsToCome(s, procedure, input.expectedEnds))
    put(`late-${end}`, at, `Is late unless phase ${subject[end].phase ?? '?'} has ended`);
  for (const [holder, hold] of Object.entries(s.holds))
    put(`resume-${holder}`, hold.until, `Resumes by itself (paused by ${hold.by})`.slice(0, 120));
  return wanted;
}

const nextReturns = (s: HandoffState): { name: string; at: number }[] =>
  Object.entries(s.returns ?? {})
    .flatMap(([name, r]) => {
      const at = nextDue(r);
      return at === undefined ? [] : { name, at };
    })
    .toSorted((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1))
    .slice(0, RETURN_TIMERS);
