import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { SubmitReturnAnswer } from '../../src/messages.js';
import { eventually } from '../handoff/return-parts.js';
import { AGENTS } from '../rig/rig.js';
import { chosen, expectUndone, withCase, type Case } from './case.js';
import { replayKept } from './replay.js';
import { reset, taskEnds } from './resets.js';

afterAll(replayKept);

const by = AGENTS.target;
const contract = { expects_in_return: { 'app.json': { critical: true }, 'routes.json': { critical: true } } };
const options = { procedure: 'PHASE_TRANSITION_STANDARD', over: { contract } };
const BACK = { 'app.json': '{"entry":"app.js"}', 'routes.json': '{"routes":[]}' };
type Name = keyof typeof BACK;

/** Where the taking of two returned files is cut: before, within and after. The procedure has moved two before. */
const POINTS = [
  'receive.before_check',
  'receive.after_check',
  'transfer.after_intent@2',
  'transfer.after_copy@3',
  'transfer.after_stage@2',
  'transfer.before_rename@3',
  'transfer.after_rename@3',
  'transfer.after_rename@4',
  'transfer.after_apply@3',
  'receive.after_transfer',
];
const SHORT = new Set(['receive.before_check', 'transfer.after_stage@2', 'transfer.after_rename@4']);
const CANCELLED = new Set(['receive.after_check', 'transfer.after_rename@3']);

function submit(c: Case, names: readonly Name[], updateId?: string, epoch = 1): Promise<SubmitReturnAnswer> {
  const artifacts = names.map((name) => ({ name, path: `back-${name}` }));
  for (const name of names) writeFileSync(path.join(c.rig.folder, 'in', `back-${name}`), BACK[name]);
  return c.rig.client.submitReturn(c.id, { by, epoch, artifacts }, updateId === undefined ? {} : { updateId });
}
/** Both, sent again under the same id until somebody answers. */
const taken = (c: Case, updateId: string, epoch = 1): Promise<unknown> =>
  eventually(
    () => submit(c, ['app.json', 'routes.json'], updateId, epoch).catch(() => undefined),
    (answer) => answer?.accepted === true,
  );
const place = (c: Case, name: Name): string => path.join(c.rig.storage.root, 'artifacts', 'phase_8', name);
const returned = async (c: Case): Promise<string[]> => (await c.ledger()).filter((l) => l.startsWith('Returns/'));
/** What lies in the source's folder, as `look` sees it. */
const lying = async (c: Case): Promise<Record<string, string>> => {
  const { files } = await c.look();
  const there = Object.entries(files).filter(([name]) => name.startsWith('artifacts/phase_8/') && !name.endsWith('/'));
  return Object.fromEntries(there.map(([name, text]) => [path.basename(name), text]));
};
const text = (name: Name): string => `${Buffer.from(BACK[name]).toString('base64')} 644`;
const BOTH = { 'app.json': text('app.json'), 'routes.json': text('routes.json') };

/** A submission whose worker dies at a failpoint. */
async function diesWhile(c: Case, point: string): Promise<void> {
  const [name, nth = '1'] = point.split('@') as [string, string?];
  const worker = await c.worker(`${name}=kill@${nth}`);
  await c.begin();
  await c.rig.untilStatus(c.id, 'accepted');
  const sent = submit(c, ['app.json', 'routes.json'], 'one').catch(() => undefined);
  await c.diesAt(worker, name);
  await sent;
}

describe.concurrent('the worker killed with -9 while it takes what is returned', { timeout: 120_000 }, () => {
  test.for(chosen(POINTS, (p) => SHORT.has(p)))('at %s: it is taken once, and whole', async (point) => {
    await withCase(options, async (c) => {
      await diesWhile(c, point);
      await c.returns();
      await taken(c, 'one');
      expect(await c.rig.client.result(c.id)).toMatchObject({ outcome: 'completed', undone: [] });
      expect(await returned(c)).toEqual(['Returns/1/app.json applied', 'Returns/1/routes.json applied']);
      expect(await lying(c)).toEqual(BOTH);
    });
  });

  test.for(chosen(POINTS, (p) => CANCELLED.has(p)))(
    'at %s, and cancelled while it is away: all is undone',
    async (point) => {
      await withCase(options, async (c) => {
        await diesWhile(c, point);
        await c.rig.client.cancel(c.id, { by: 'test', reason: 'enough' });
        await c.returns();
        await expectUndone(c, await c.rig.client.result(c.id), 'cancelled');
      });
    },
  );
});

describe.concurrent('a run that is reset to before a return', { timeout: 120_000 }, () => {
  /** Accepted, and the event to which it is reset. */
  const accepted = async (c: Case): Promise<number> => {
    await c.returns();
    await c.begin();
    await c.rig.untilStatus(c.id, 'accepted');
    return (await taskEnds(c)).at(-1)!;
  };

  test.for([false, true])('takes the same again without moving it a second time, epochs apart: %s', async (apart) => {
    await withCase(options, async (c) => {
      const end = await accepted(c);
      await submit(c, ['app.json']);
      // What failed on its way has shut its epoch: the ledger is ahead of the run that is reset.
      const outside = [{ name: 'routes.json', path: '../outside.json' }];
      const failed = c.rig.client.submitReturn(c.id, { by, epoch: 1, artifacts: apart ? outside : [] });
      await expect(failed).rejects.toMatchObject({ code: apart ? 'PATH_NOT_ALLOWED' : 'INVALID_MESSAGE' });
      const { ino, mtimeNs } = statSync(place(c, 'app.json'), { bigint: true });
      await reset(c, end);
      const { state } = await c.rig.until(c.id, (s) => s.status === 'accepted' && s.from === 'run');
      expect(state!.returns!['app.json']!.status).toBe('expected');
      expect(await submit(c, ['app.json', 'routes.json'])).toMatchObject({ accepted: true, outstanding: [] });
      expect(await c.rig.client.result(c.id)).toMatchObject({ outcome: 'completed' });
      expect(statSync(place(c, 'app.json'), { bigint: true })).toMatchObject({ ino, mtimeNs });
      expect(await returned(c)).toEqual(['Returns/1/app.json applied', `Returns/${apart ? 2 : 1}/routes.json applied`]);
    });
  });

  test('and is then sent something else: what was there is taken back, and the next submission counts', async () => {
    await withCase(options, async (c) => {
      const end = await accepted(c);
      await submit(c, ['app.json']);
      writeFileSync(path.join(c.rig.folder, 'in', 'other.json'), '{"other":1}');
      await reset(c, end);
      await c.rig.until(c.id, (s) => s.status === 'accepted' && s.from === 'run');
      const artifacts = [{ name: 'app.json', path: 'other.json' }];
      const send = () => c.rig.client.submitReturn(c.id, { by, epoch: 1, artifacts });
      await expect(send()).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
      expect(await lying(c)).toEqual({});
      expect(await send()).toMatchObject({ accepted: true });
      await submit(c, ['routes.json']);
      expect(await c.rig.client.result(c.id)).toMatchObject({ outcome: 'completed' });
      expect((await lying(c))['app.json']).toBe(`${Buffer.from('{"other":1}').toString('base64')} 644`);
    });
  });

  test('after all was undone: everything is done and asked for again', async () => {
    await withCase(options, async (c) => {
      await accepted(c);
      await submit(c, ['app.json']);
      // A task of its own after the return, so that a reset to it keeps the return.
      await c.rig.client.pause(c.id, { by: 'test', reason: 'a moment' });
      await c.rig.until(c.id, (s) => s.state?.pausedSince !== undefined);
      await c.rig.client.resume(c.id, { by: 'test' });
      await c.rig.until(c.id, (s) => s.state?.pausedSince === undefined);
      const end = (await taskEnds(c)).at(-1)!;
      await c.rig.client.cancel(c.id, { by: 'test', reason: 'enough' });
      await expectUndone(c, await c.rig.client.result(c.id), 'cancelled');
      await reset(c, end);
      const believed = await c.rig.until(c.id, (s) => s.status === 'accepted' && s.from === 'run');
      expect(believed.state!.returns!['app.json']!.status).toBe('received');
      // It hears that the ledger is ahead of it, and takes this one under the present epoch.
      await submit(c, ['routes.json']);
      await c.rig.until(c.id, (s) => s.state?.returns?.['app.json']?.status === 'expected');
      await submit(c, ['app.json']);
      const again = await c.rig.until(
        c.id,
        (s) => s.status === 'completed' || s.state?.returns?.['app.json']?.status === 'received',
        40_000,
      );
      expect(['accepted', 'running', 'completed']).toContain(again.status);
      expect(await c.rig.client.result(c.id)).toMatchObject({ outcome: 'completed' });
      expect(await lying(c)).toEqual(BOTH);
    });
  });
});

describe.concurrent('what happens while something that was returned is looked at', { timeout: 120_000 }, () => {
  const STALL_MS = 4000;
  test.for(['receive.after_check', 'receive.after_transfer'])(
    'at %s the handoff is cancelled: it is refused, and all is undone',
    async (point) => {
      await withCase(options, async (c) => {
        const handle = c.rig.temporal.workflow.getHandle(`handoff/${c.id}`);
        const worker = await c.worker(`${point}=delay:${STALL_MS}@1`);
        await c.begin();
        await c.rig.untilStatus(c.id, 'accepted');
        const sent = submit(c, ['app.json', 'routes.json']).then(
          () => 'taken',
          () => 'refused',
        );
        await eventually(
          () => worker.fired(point, '=delay'),
          (n) => n === 1,
        );
        await handle.cancel();
        await expectUndone(c, await c.rig.client.result(c.id), 'cancelled');
        expect(await sent).toBe('refused');
        expect((await handle.describe()).status.name).toBe('CANCELLED');
      });
    },
  );

  test('it is paused: what has begun counts', async () => {
    await withCase(options, async (c) => {
      const point = 'receive.after_check';
      const worker = await c.worker(`${point}=delay:${STALL_MS}@1`);
      await c.begin();
      await c.rig.untilStatus(c.id, 'accepted');
      const sent = submit(c, ['app.json'], 'one').catch(() => undefined);
      await eventually(
        () => worker.fired(point, '=delay'),
        (n) => n === 1,
      );
      await c.rig.client.pause(c.id, { by: 'test', reason: 'a moment' });
      const { state } = await c.rig.until(c.id, (s) => s.state?.returns?.['app.json']?.status === 'received');
      expect(state!.pausedSince).toBeDefined();
      await sent;
      await c.rig.client.resume(c.id, { by: 'test' });
      await c.rig.until(c.id, (s) => s.state?.pausedSince === undefined);
      await submit(c, ['routes.json']);
      expect((await c.rig.client.result(c.id)).outcome).toBe('completed');
      expect(await lying(c)).toEqual(BOTH);
    });
  });

  test('its time runs out: it came before', async () => {
    const short = { expects_in_return: { 'app.json': { critical: true, timeout_minutes: 0.05 } } };
    await withCase({ ...options, over: { contract: short } }, async (c) => {
      await c.worker(`receive.after_check=delay:${STALL_MS}@1`);
      await c.begin();
      await c.rig.untilStatus(c.id, 'accepted');
      await submit(c, ['app.json'], 'one').catch(() => undefined);
      expect(await c.rig.client.result(c.id)).toMatchObject({
        outcome: 'completed',
        returns: { 'app.json': { status: 'received' } },
      });
    });
  });

  test('it is swapped after it was checked: what was not checked is not taken', async () => {
    await withCase(options, async (c) => {
      const point = 'receive.after_check';
      const worker = await c.worker(`${point}=delay:${STALL_MS}@1`);
      await c.begin();
      await c.rig.untilStatus(c.id, 'accepted');
      const sent = submit(c, ['app.json', 'routes.json'], 'one').catch(() => undefined);
      await eventually(
        () => worker.fired(point, '=delay'),
        (n) => n === 1,
      );
      writeFileSync(path.join(c.rig.folder, 'in', 'back-app.json'), '{"entry":"evil.js"}');
      await sent;
      const artifacts = [{ name: 'app.json', path: 'back-app.json' }];
      await expect(
        c.rig.client.submitReturn(c.id, { by, epoch: 1, artifacts }, { updateId: 'one' }),
      ).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' });
      expect(await lying(c)).toEqual({});
      await taken(c, 'two');
      expect((await c.rig.client.result(c.id)).outcome).toBe('completed');
      expect(await lying(c)).toEqual(BOTH);
    });
  });

  test('the lease lapses: who held it has handed in nothing', async () => {
    await withCase({ procedure: 'AGENT_HANDOFF_STANDARD', over: { contract } }, async (c) => {
      await c.worker(`receive.after_check=delay:${STALL_MS}@1`);
      await c.begin();
      await c.rig.untilStatus(c.id, 'awaiting_acceptance');
      await c.rig.client.accept(c.id, { by, leaseMinutes: 0.03 });
      await submit(c, ['app.json'], 'one').catch(() => undefined);
      await c.rig.until(c.id, (s) => s.state?.acceptance.epoch === 2);
      const { epoch } = await c.rig.client.accept(c.id, { by: AGENTS.source });
      await eventually(
        () => returned(c),
        (rows) => rows.join() === 'Returns/1/app.json undone',
      );
      expect(await lying(c)).toEqual({});
      await taken(c, 'two', epoch);
      await c.rig.client.complete(c.id, { by: AGENTS.source, epoch });
      expect((await c.rig.client.result(c.id)).outcome).toBe('completed');
      expect(await lying(c)).toEqual(BOTH);
    });
  });
});
