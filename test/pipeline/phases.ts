import { randomUUID } from 'node:crypto';
import type { PhaseHandler, PhaseStepContext } from '../../src/activities/pipeline/phase.js';
import { HandoffError } from '../../src/core/errors.js';
import { STANDARD_PHASES } from '../../src/core/package/package.js';

/** Seven phases of two steps each, which a test in the same process holds and fails as it likes. */
export class Steps {
  private readonly held = new Map<string, { opened: Promise<void>; open: () => void }>();
  private readonly failing = new Map<string, { times: number; retryable: boolean }>();
  /** `s-1 analysis/first`: each effect that was really made, in order. */
  readonly made: string[] = [];
  /** The same for each call of a handler. */
  readonly called: string[] = [];
  /** Steps whose signal was aborted. */
  readonly stopped: string[] = [];

  readonly phases: PhaseHandler[] = STANDARD_PHASES.map((phase) => ({
    phase,
    steps: ['first', 'second'].map((name) => ({ name, run: (c: PhaseStepContext) => this.run(c) })),
  }));

  /** From now on that step waits, before its effect, until it is opened. */
  hold(step: string): void {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.held.set(step, { opened, open });
  }

  open(step: string): void {
    this.held.get(step)?.open();
    this.held.delete(step);
  }

  openAll(): void {
    for (const step of this.held.keys()) this.open(step);
  }

  /** Fails that often after its effect. */
  fail(step: string, times = Infinity, retryable = false): void {
    this.failing.set(step, { times, retryable });
  }

  mend(step: string): void {
    this.failing.delete(step);
  }

  /** The effects of one session, in order. */
  of(session: string): string[] {
    return this.made.filter((m) => m.startsWith(`${session} `)).map((m) => m.slice(session.length + 1));
  }

  private async run(c: PhaseStepContext): Promise<Record<string, unknown>> {
    const step = `${c.phase}/${c.step}`;
    this.called.push(`${c.session} ${step}`);
    const held = this.held.get(step);
    if (held) {
      const stop = new Promise<void>((_, reject) =>
        c.signal.addEventListener('abort', () => {
          this.stopped.push(step);
          reject(c.signal.reason as Error);
        }),
      );
      await Promise.race([held.opened, stop]);
    }
    await c.effect('it', {}, async () => {
      this.made.push(`${c.session} ${step}`);
    });
    await c.context.set(`${c.phase}.${c.step}`, { attempt: c.attempt });
    const failing = this.failing.get(step);
    if (failing && failing.times-- > 0) {
      if (failing.retryable) throw new Error(`${step} does not work`);
      throw new HandoffError('STATE_CONFLICT', { resource: step, expected: 'a', found: 'b' });
    }
    return { number: c.stepNumber };
  }
}

export const ALL_STEPS = STANDARD_PHASES.flatMap((phase) => [`${phase}/first`, `${phase}/second`]);
export const newSession = (): string => `s-${randomUUID().slice(0, 8)}`;
