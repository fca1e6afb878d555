import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { verifyArtifacts } from '../../src/client/manifest.js';
import { chosen, withCase, type Case } from './case.js';
import { replayKept } from './replay.js';

afterAll(replayKept);

const YAML = 'modules:\n  - users\n';
const JSON_TEXT = `${JSON.stringify({ modules: ['users'] }, null, 2)}\n`;
const contract = {
  contract: {
    sends: {
      'design.json': { format: 'json', schema: { type: 'object', required: ['modules'] } },
      'modules.json': { schema: { type: 'object' } },
    },
  },
};
const over = {
  contract,
  artifacts: [
    { name: 'design.json', path: 'design.yaml' },
    { name: 'modules.json', path: 'modules.json' },
  ],
};
const POINTS = [
  'transfer.before_intent',
  'transfer.after_intent',
  'transfer.after_copy',
  'transfer.after_stage',
  'transfer.before_rename',
  'transfer.after_rename',
  'transfer.after_rename@2',
  'transfer.after_apply',
  'transfer.after_apply@2',
];

async function dieAt(c: Case, point: string): Promise<void> {
  writeFileSync(path.join(c.rig.folder, 'in', 'design.yaml'), YAML);
  const [name = '', nth = '1'] = point.split('@');
  await c.dieAt(name, `@${nth}`);
}
const at = (c: Case): string => c.rig.arrival(c.id, 'design.json');
const known = async (c: Case) =>
  (await c.rig.storage.manifest.list({ handoff: c.id })).map((a) => [
    a.name,
    a.size,
    a.transformer,
    a.transfers.map((t) => t.status).join(),
  ]);

describe.concurrent('a transformed artifact, the worker killed with -9', { timeout: 90_000 }, () => {
  test.for(chosen(POINTS, (p) => /after_(stage|rename)$/.test(p)))(
    'at %s: it arrives as it was made, and is registered once',
    async (point) => {
      await withCase({ procedure: 'CONTRACT_HANDOFF_STANDARD', over }, async (c) => {
        await dieAt(c, point);
        await c.returns();
        const { outcome, reason } = await c.finish();
        expect([outcome, reason]).toEqual(['completed', undefined]);
        expect(readFileSync(at(c), 'utf8')).toBe(JSON_TEXT);
        expect(await known(c)).toEqual([
          ['design.yaml', YAML.length, undefined, ''],
          ['design.json', JSON_TEXT.length, 'yaml_to_json', 'success'],
          ['modules.json', 12, undefined, 'success'],
        ]);
        expect(await verifyArtifacts(c.rig.storage)).toMatchObject({ differences: [] });
      });
    },
  );

  test.for(chosen(POINTS, (p) => p.endsWith('after_rename@2')))(
    'at %s, and the source is gone: all is undone, or all has arrived',
    async (point) => {
      await withCase({ procedure: 'CONTRACT_HANDOFF_STANDARD', over }, async (c) => {
        await dieAt(c, point);
        rmSync(path.join(c.rig.folder, 'in', 'design.yaml'));
        await c.returns();
        const { outcome } = await c.finish();
        expect(existsSync(at(c))).toBe(outcome === 'completed');
        expect(await verifyArtifacts(c.rig.storage)).toMatchObject({ differences: [] });
      });
    },
  );
});
