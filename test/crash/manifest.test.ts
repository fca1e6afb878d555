import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { verifyArtifacts } from '../../src/client/manifest.js';
import { chosen, withCase, type Case } from './case.js';
import { replayKept } from './replay.js';

afterAll(replayKept);

/** Around the moment at which a file and its two rows become true together, for the first file and the second. */
const FORWARD = ['after_stage', 'before_rename', 'after_rename', 'after_rename@2', 'after_apply', 'after_apply@2'].map(
  (p) => `transfer.${p}`,
);
const BACK = ['undo.before@4', 'undo.after_restore@4', 'undo.after_restore@5', 'undo.after@5', 'begin_undo.after'];

const dieAt = async (c: Case, point: string): Promise<void> => {
  const [name = '', nth = '1'] = point.split('@');
  await c.dieAt(name, `@${nth}`);
};

/** What the manifest has of a case's handoff: `<name> <status>`. */
async function passed(c: Case): Promise<string[]> {
  const artifacts = await c.rig.storage.manifest.list({ handoff: c.id });
  return artifacts.flatMap((a) => a.transfers.map((t) => `${a.name} ${t.status}`)).toSorted();
}

const expectTrue = async (c: Case): Promise<void> =>
  expect(await verifyArtifacts(c.rig.storage)).toMatchObject({ ok: true, differences: [] });

describe.concurrent('the worker killed with -9', { timeout: 90_000 }, () => {
  test.for(chosen(FORWARD, (p) => p.startsWith('transfer.after_')))(
    'at %s: each artifact is registered once',
    async (point) => {
      await withCase({ occupied: point.includes('@2') }, async (c) => {
        await dieAt(c, point);
        await expectTrue(c);
        await c.returns();
        expect((await c.finish()).outcome).toBe('completed');
        expect(await passed(c)).toEqual(['architecture.json success', 'modules.json success']);
        await expectTrue(c);
      });
    },
  );

  test.for(chosen(BACK, (p) => p.startsWith('undo.after_restore')))(
    'at %s of the undo: each is marked as undone, once',
    async (point) => {
      await withCase({ fails: true, occupied: point.endsWith('5') }, async (c) => {
        await dieAt(c, point);
        await c.returns();
        expect((await c.finish()).outcome).toBe('failed');
        expect(await passed(c)).toEqual(['architecture.json undone', 'modules.json undone']);
        await expectTrue(c);
      });
    },
  );

  test('between rename and record, and the source changed meanwhile: it is told by what it was', async () => {
    await withCase({}, async (c) => {
      await c.dieAt('transfer.after_rename');
      writeFileSync(`${c.rig.folder}/in/architecture.json`, 'a newer one');
      await c.returns();
      await c.finish();
      expect(await passed(c)).toEqual(['architecture.json success', 'modules.json success']);
      await expectTrue(c);
    });
  });
});
