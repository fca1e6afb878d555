import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { chosen, withCase, type Case, expectUndone } from './case.js';
import { replayKept } from './replay.js';
import { linesFile, type World } from './world.js';

afterAll(replayKept);

/** A change by somebody else while the handoff runs, how it is taken back, and what a merge sets. */
interface Theirs {
  change(c: Case): Promise<void>;
  takeBack(c: Case, ours: World): Promise<void>;
  value: unknown;
  /** Copies what concerns the resource from one world to another. */
  copy(from: World, to: World, c: Case): void;
  /** The resource after a merge. */
  merged(to: World, c: Case): void;
}

const fileOf = (c: Case): string => c.rig.arrival(c.id, 'architecture.json');
const nameOf = (c: Case): string => `artifacts/phase_p-${c.id}/architecture.json`;

const RESOURCES: Record<string, Theirs> = {
  file: {
    async change(c) {
      rmSync(fileOf(c));
      writeFileSync(fileOf(c), 'theirs');
      chmodSync(fileOf(c), 0o600);
    },
    async takeBack(c, ours) {
      const [content, mode] = ours.files[nameOf(c)]!.split(' ') as [string, string];
      writeFileSync(fileOf(c), Buffer.from(content, 'base64'));
      chmodSync(fileOf(c), parseInt(mode, 8));
    },
    value: 'merged',
    copy: (from, to, c) => void (to.files[nameOf(c)] = from.files[nameOf(c)]!),
    merged: (to, c) => void (to.files[nameOf(c)] = `${Buffer.from('merged').toString('base64')} 600`),
  },
  context: {
    async change(c) {
      await c.rig.client.sessions.set(c.request.session, 'architecture', 'theirs', 'somebody');
    },
    async takeBack(c, ours) {
      const entry = ours.context['architecture']!;
      await c.rig.storage.db.updateTable('context').set(entry).where('key', '=', 'architecture').execute();
    },
    value: { merged: true },
    copy: (from, to) => void (to.context['architecture'] = from.context['architecture']!),
    merged: (to) => {
      expect(to.context['architecture']).toMatchObject({ value: '{"merged":true}', version: 4 });
    },
  },
  phase: {
    async change(c) {
      await c.rig.client.sessions.setPhase(c.request.session, 8, 'failed', 'somebody');
    },
    async takeBack(c, ours) {
      const { status, version, by } = ours.phases['8']!;
      await c.rig.storage.db
        .updateTable('phases')
        .set({ status, version, updated_by: by })
        .where('phase', '=', '8')
        .where('session', '=', c.request.session)
        .execute();
    },
    value: 'in_progress',
    copy: (from, to) => void (to.phases['8'] = from.phases['8']!),
    merged: (to) => {
      expect(to.phases['8']).toMatchObject({ status: 'in_progress' });
    },
  },
};

const WAYS = ['keep_theirs', 'restore_before', 'merge', 'by hand', 'retry'] as const;
const cases = Object.keys(RESOURCES).flatMap((resource, r) => WAYS.map((way, w) => ({ resource, way, n: r * 2 + w })));

describe.concurrent("an undo that meets somebody else's change", { timeout: 90_000 }, () => {
  test.for(chosen(cases, ({ n }) => n % 2 === 0))('of a $resource, ended by $way', async ({ resource, way }) => {
    const theirs = RESOURCES[resource]!;
    await withCase({ fails: true, occupied: true, slowMs: 2500 }, async (c) => {
      await c.returns();
      await c.begin();
      await c.rig.until(c.id, () => c.starts() === 1);
      const ours = await c.look();
      await theirs.change(c);
      const changed = await c.look();
      const { state } = await c.rig.until(c.id, (s) => (s.state?.incidents.length ?? 0) > 0, 30_000);
      const [incident] = state!.incidents;
      expect(incident).toMatchObject({ kind: 'undo', error: { code: 'UNDO_CONFLICT' } });
      const { conflict } = incident!;
      expect(new Set([conflict!.ours, conflict!.theirs, conflict!.before]).size).toBe(3);
      const standing = await c.look();
      const untouched = structuredClone(standing);
      theirs.copy(changed, untouched, c);
      expect(standing, 'nothing of theirs was touched').toEqual(untouched);

      const message = { by: 'operator', reason: 'seen', incidentId: incident!.id };
      if (way === 'retry') {
        await theirs.takeBack(c, ours);
        await c.rig.client.retry(c.id, message);
      } else if (way === 'by hand') {
        await c.rig.client.resolve(c.id, message);
      } else {
        const value = way === 'merge' ? { value: theirs.value } : {};
        await c.rig.client.resolve(c.id, { ...message, choice: way, ...value });
      }
      const outcome = await c.finish();
      const result = {
        keep_theirs: 'kept_theirs',
        restore_before: 'restored_before',
        merge: 'merged',
        'by hand': 'resolved_by_hand',
        retry: 'undone',
      }[way];
      expect(outcome.undone.find((u) => u.key === incident!.effect)).toMatchObject({ result });
      expect((await c.ledger()).filter((l) => !l.endsWith(' undone'))).toEqual([]);

      const after = await c.look();
      const expected = structuredClone(c.before);
      if (way === 'keep_theirs' || way === 'by hand') theirs.copy(changed, expected, c);
      if (way === 'merge') {
        theirs.copy(after, expected, c);
        theirs.merged(expected, c);
      }
      expect(after).toEqual(expected);
    });
  });

  test('an undo that keeps failing is an incident, and ends by a retry', async () => {
    await withCase({ fails: true }, async (c) => {
      const refuses = `${linesFile(c.rig.folder, c.id)}.refuses`;
      writeFileSync(refuses, '');
      await c.returns();
      await c.begin();
      const { state } = await c.rig.until(c.id, (s) => (s.state?.incidents.length ?? 0) > 0, 40_000);
      expect(state!.incidents[0]).toMatchObject({ kind: 'undo', step: 'send' });
      expect(state!.incidents[0]!.error.message).toContain('refuses to take it back');
      expect(c.calls('undo')).toBe(3);
      // It is the newest effect: nothing older was undone over its head.
      expect((await c.ledger()).filter((l) => l.endsWith(' undone'))).toEqual([]);
      rmSync(refuses);
      await c.rig.client.retry(c.id, { by: 'operator', reason: 'it is back', incidentId: 'inc-1' });
      await expectUndone(c, await c.finish(), 'failed');
    });
  });
});
