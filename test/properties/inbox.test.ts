import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { inboxOf } from '../../src/client/inbox.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { Priority } from '../../src/core/request.js';
import { newId, startWork } from '../rig/parts.js';
import { TimeRig } from '../rig/time-rig.js';
import { InboxModel, type Line, type Offered } from './inbox-model.js';
import { full } from './seed.js';

const seed = Number(process.env['HANDOFF_SEED'] ?? Date.now() % 2 ** 31);
const DEEDS = full ? 300 : 45;
const MINUTE = 60_000;

/** `of`: which of those that it fits. What the test itself takes never decides: see the minutes. */
const deed = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('offer' as const),
      of: fc.nat(),
      priority: fc.constantFrom<Priority[]>('immediate', 'normal', 'background'),
      span: fc.constantFrom(15, 35, 65, 125),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('accept' as const),
      of: fc.nat(),
      lease: fc.constantFrom(undefined, 13, 13, 23),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('skip' as const), minutes: fc.constantFrom(10, 20, 30) }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'reject' as const,
        'complete',
        'pause',
        'pause',
        'resume',
        'resume',
        'cancel',
        'both',
        'extend',
      ),
      of: fc.nat(),
    }),
  },
);
type Deed = typeof deed extends fc.Arbitrary<infer D> ? D : never;

class Play {
  readonly model = new InboxModel();
  readonly done: string[] = [];
  /** The server's time when a deed begins, or has let time pass: asked later, it would give the run a moment more. */
  private now = 0;

  constructor(
    readonly t: TimeRig,
    readonly agents: readonly string[],
  ) {}

  private pick(of: number, fits: (h: Offered) => boolean): Offered | undefined {
    const open = this.model.all.filter((h) => h.state !== 'closed' && fits(h));
    return open[of % Math.max(open.length, 1)];
  }

  async do(d: Deed): Promise<void> {
    const { model, t } = this;
    const { client } = t.rig;
    this.now = await t.now();
    if (d.kind === 'offer') {
      const agent = this.agents[d.of % this.agents.length]!;
      const { priority, span } = d;
      const id = await startWork(t.rig, 'WORK_AND_ASK', { target: { agent }, priority, expiresInMinutes: span });
      model.offer(id, agent, priority, span);
      t.rig.leftOpen.add(id);
      await this.shows(id, 1);
    } else if (d.kind === 'skip') {
      const again = model.pass(d.minutes);
      await this.atRest();
      await t.skip(d.minutes);
      this.now = await t.now();
      for (const { id, epoch } of again) await this.shows(id, epoch);
      if (again.length > 0) this.done.push('offered again');
    } else {
      const h = this.pick(d.of, FITS[d.kind]);
      if (!h) return;
      const { id, agent: by } = h;
      if (d.kind === 'accept') {
        await client.accept(id, { by, ...(d.lease === undefined ? {} : { leaseMinutes: d.lease }) });
        model.accept(h, d.lease);
      } else if (d.kind === 'both') {
        const answers = await Promise.allSettled([client.accept(id, { by }), client.reject(id, { by, reason: 'no' })]);
        if (answers.filter((a) => a.status === 'fulfilled').length !== 1)
          throw new Error(`both or none answered ${id}`);
        if (answers[0].status === 'fulfilled') model.accept(h, undefined);
        else model.close(h);
      } else if (d.kind === 'reject') {
        await client.reject(id, { by, reason: 'no' });
        model.close(h);
      } else if (d.kind === 'complete') {
        await client.complete(id, { by, epoch: h.epoch });
        model.close(h);
      } else if (d.kind === 'extend') {
        await client.extend(id, { by, minutes: 30 });
        h.left += 30;
      } else if (d.kind === 'cancel') {
        await t.signal(id, 'cancel', { by, reason: 'no' });
        // A signal is not answered: what it did is said when it has ended.
        await client.result(id);
        model.close(h);
      } else {
        await (d.kind === 'pause' ? t.pause(id) : t.resume(id));
        h.paused = d.kind === 'pause';
      }
    }
    this.done.push(d.kind);
  }

  /**
   * What is at work while time is skipped times out again and again, and its next attempt comes after a minute of the
   * test's own: a pause of what is in no inbox was a signal, and its record may still be under way.
   */
  private async atRest(): Promise<void> {
    for (const { id } of this.model.all.filter((h) => h.state !== 'closed')) {
      const handle = this.t.rig.temporal.workflow.getHandle(workflowIdOf(id));
      const nothing = async (): Promise<boolean> => !(await handle.describe()).raw.pendingActivities?.length;
      await vi.waitUntil(nothing, { timeout: 30_000 });
    }
  }

  private async shows(id: string, epoch: number): Promise<void> {
    await this.t.rig.until(id, (s) => s.status === 'awaiting_acceptance' && s.state?.acceptance.epoch === epoch);
  }

  /** What and in which order must be right at once; that something is paused was a signal, which nobody answers. */
  async faults(): Promise<string[]> {
    const lines = (all: Line[]): string => all.map(({ id, epoch }) => `${id} offer ${epoch}`).join();
    // The seconds that the test takes are lost in fives of minutes.
    const whole = (all: Line[]): string =>
      all.map(({ id, paused, left }) => `${id} ${paused} ${Math.ceil((left - 1) / 5)}`).join();
    const faults: string[] = [];
    for (const agent of this.agents) {
      const model = this.model.inbox(agent);
      let is = await this.read(agent);
      if (lines(is) !== lines(model)) faults.push(`${agent} has ${lines(is)}, not ${lines(model)}`);
      for (const end = Date.now() + 30_000; whole(is) !== whole(model) && Date.now() < end;)
        is = await this.read(agent);
      if (whole(is) !== whole(model)) faults.push(`${agent} has ${whole(is)}, not ${whole(model)}`);
    }
    return faults;
  }

  private async read(agent: string): Promise<Line[]> {
    const items = await inboxOf(this.t.rig.storage, agent, {}, this.now);
    return items.map(({ handoffId: id, epoch, paused, remainingMs }) => ({
      id,
      epoch,
      paused: paused !== undefined,
      left: remainingMs / MINUTE,
    }));
  }
}

const isOffered = (h: Offered): boolean => h.state === 'offered';
const FITS: Record<Exclude<Deed['kind'], 'offer' | 'skip'>, (h: Offered) => boolean> = {
  accept: isOffered,
  both: isOffered,
  reject: isOffered,
  extend: isOffered,
  complete: (h) => h.state === 'accepted' && !h.paused && h.lapses <= 3,
  pause: (h) => !h.paused,
  resume: (h) => h.paused,
  cancel: () => true,
};

test(`inboxes are what a model says right after each of ${DEEDS} random deeds`, { timeout: 900_000 }, async (ctx) => {
  const t = await TimeRig.create(ctx);
  onTestFinished(() => t.close());
  const agents = [0, 1, 2].map(() => `@${newId()}`);
  for (const name of agents) await t.rig.client.agents.add({ name, heartbeatSeconds: 86_400 });
  const play = new Play(t, agents);
  for (const d of fc.sample(deed, { seed, numRuns: DEEDS })) {
    await play.do(d);
    expect(await play.faults(), `after ${play.done.join(', ')}; HANDOFF_SEED=${seed}`).toEqual([]);
  }
  const tally = [...new Set(play.done)].map((kind) => `${play.done.filter((k) => k === kind).length} ${kind}`);
  console.log(`[inbox] HANDOFF_SEED=${seed}: ${tally.join(', ')}`);
});
