import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, inject, test } from 'vitest';
import { shownStatus } from '../../src/core/handoff.js';
import { launchServer, type RunningServer } from '../../src/temporal/launch-server.js';
import { SEARCH_ATTRIBUTES } from '../../src/temporal/search-attributes.js';
import { FULL, withCase, type Case, type CaseOptions, expectCompleted, expectUndone } from './case.js';
import { replayKept } from './replay.js';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const PAUSE = { by: 'test', reason: 'lunch' };

interface Scene {
  name: string;
  options: CaseOptions;
  /** Where its worker is slow, so that the server dies in the midst of it. */
  slowAt?: string;
  /** Brings it to where it shall be when the server dies. */
  arrange?: (c: Case) => Promise<void>;
  /** What must have come of it. */
  end: (c: Case) => Promise<void>;
}

const completes = async (c: Case): Promise<void> => expectCompleted(c, await c.finish());
const during = (point: string, procedure?: string): Scene => ({
  name: `at ${point}`,
  options: { occupied: true, ...(procedure ? { procedure } : {}) },
  slowAt: point,
  end: completes,
});

const SCENES: Scene[] = [
  during('transfer.after_apply'),
  during('sync_state.after_apply'),
  during('effect.after_act'),
  during('validate.before.handoff_validation', 'PHASE_TRANSITION_STANDARD'),
  {
    name: 'started, and no worker has seen it',
    options: { procedure: 'PHASE_TRANSITION_STANDARD' },
    end: completes,
  },
  {
    name: 'awaiting acceptance, with an extension that was acknowledged',
    options: { procedure: 'AGENT_HANDOFF_STANDARD' },
    async arrange(c) {
      await c.rig.untilStatus(c.id, 'awaiting_acceptance');
      await c.rig.client.extend(c.id, { by: 'test', minutes: 500 });
    },
    async end(c) {
      const { state } = await c.rig.until(c.id, (s) => s.from === 'run', 30_000);
      expect(state!.expiry.remainingMs).toBeGreaterThan(540 * 60_000);
      await completes(c);
    },
  },
  {
    name: 'paused',
    options: { procedure: 'AGENT_HANDOFF_STANDARD' },
    async arrange(c) {
      await c.rig.untilStatus(c.id, 'awaiting_acceptance');
      await c.rig.client.pause(c.id, PAUSE);
    },
    async end(c) {
      const { state } = await c.rig.until(c.id, (s) => s.from === 'run' && shownStatus(s.state!) === 'paused', 30_000);
      expect(state!.expiry.runningSince).toBeUndefined();
      await c.rig.client.resume(c.id, { by: 'test' });
      await completes(c);
    },
  },
  {
    name: 'compensating',
    options: { fails: true, occupied: true },
    slowAt: 'undo.before',
    end: async (c) => expectUndone(c, await c.finish(), 'failed'),
  },
  ...(FULL
    ? [
        during('transfer.after_delivery', 'AGENT_HANDOFF_STANDARD'),
        during('transfer.before_intent'),
        during('transfer.after_stage'),
        during('effect.before_act'),
        during('validate.before.phase_completion_validation', 'PHASE_TRANSITION_STANDARD'),
        during('validate.before.handoff_confirmation', 'AGENT_HANDOFF_STANDARD'),
      ]
    : []),
];

/** All scenes meet at the moment of the kill. */
function meeting(size: number): { arrive: () => void; all: Promise<void> } {
  let arrived = 0;
  let open!: () => void;
  const all = new Promise<void>((resolve) => (open = resolve));
  return { arrive: () => void (++arrived === size && open()), all };
}

test('the server killed with -9 and started again: nothing acknowledged is lost, and all end well', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'handoff-server-'));
  const settings = {
    executable: inject('serverPath'),
    dbFile: path.join(folder, 'temporal.db'),
    headless: true,
    searchAttributes: SEARCH_ATTRIBUTES,
  };
  let server: RunningServer = await launchServer(settings);
  const { address } = server;
  const ready = meeting(SCENES.length);
  const there = meeting(SCENES.length);
  let back!: () => void;
  const again = new Promise<void>((resolve) => (back = resolve));

  const play = (scene: Scene): Promise<void> =>
    withCase({ ...scene.options, address }, async (c) => {
      const worker = scene.slowAt ? await c.worker(`${scene.slowAt}=delay:4500@1`) : undefined;
      if (scene.arrange) {
        await c.returns();
        await c.begin();
        await scene.arrange(c);
      }
      ready.arrive();
      await ready.all;
      if (!scene.arrange) await c.begin();
      for (const end = Date.now() + 20_000; scene.slowAt && worker!.fired(scene.slowAt) === 0; await sleep(30))
        if (Date.now() > end) throw new Error(`${scene.slowAt} never fired`);
      there.arrive();
      await again;
      if (!worker && !scene.arrange) await c.returns();
      await scene.end(c).catch((error: Error) => {
        throw new Error(`${scene.name}: ${error.message}`, { cause: error });
      });
    }).finally(() => {
      // One that fails keeps nobody else waiting.
      ready.arrive();
      there.arrive();
    });

  const fell = async (): Promise<void> => {
    await there.all;
    await server.kill();
    await sleep(1000);
    server = await launchServer({ ...settings, port: Number(address.split(':')[1]) });
    back();
  };

  try {
    const failed = (await Promise.allSettled([fell(), ...SCENES.map(play)])).flatMap((r) =>
      r.status === 'rejected' ? [r.reason as Error] : [],
    );
    if (failed.length > 0) throw new AggregateError(failed, failed.map((e) => e.message).join('\n'));
    expect(failed).toEqual([]);
    await replayKept();
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}, 180_000);
