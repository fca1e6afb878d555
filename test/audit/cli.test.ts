import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { isSignedBy, readKey } from '../../src/storage/audit/key.js';
import { hashOfRow } from '../../src/storage/audit/chain.js';
import type { AuditRow, SignedHead } from '../../src/core/audit/entry.js';
import { launch } from '../cli/rig.js';
import { containing } from '../rig/matchers.js';
import { storagePlace } from '../storage/place.js';
import { ODD, fill } from './log.js';

const place = storagePlace();
const audit = (...args: string[]): ReturnType<typeof launch>['ended'] =>
  launch(['audit', ...args, '--folder', place.folder]).ended;

test('verify, list and export of the command line', async () => {
  const { storage } = place;
  expect(await audit('verify')).toMatchObject({ code: 0, stdout: containing('0 rows, 0 anchors') });
  await fill(storage, 0, 230);
  await storage.audit.ensureAnchored();

  const good = await audit('verify');
  expect(good.code).toBe(0);
  expect(good.stdout).toContain('The audit log is as it was written: 232 rows, 2 anchors, the last at row 200.');

  const listed = JSON.parse((await audit('list', '--actor', '@agent-3', '--refused', '--json')).stdout) as AuditRow[];
  expect(listed.length).toBeGreaterThan(3);
  expect(listed.every((r) => r.actor === '@agent-3' && r.outcome === 'refused')).toBe(true);
  expect((await audit('list', '--limit', '3')).stdout).toContain('audit.anchored');
  expect(await audit('list', '--since', 'yesterday')).toMatchObject({
    code: 2,
    stderr: containing('--since'),
  });

  const { head, rows } = JSON.parse((await audit('export')).stdout) as { head: SignedHead; rows: AuditRow[] };
  expect(isSignedBy((await readKey(storage.audit.places.key))!, head)).toBe(true);
  expect(
    createHash('sha256')
      .update(Buffer.from(head.public_key.split('\n')[1]!, 'base64'))
      .digest('hex'),
  ).toBe(head.key);
  expect(rows.map(hashOfRow)).toEqual(rows.map((r) => r.hash));
  expect(rows.at(-1)).toMatchObject({ seq: 232, hash: head.hash });

  const out = path.join(place.folder, 'audit.csv');
  expect((await audit('export', '--format', 'csv', '--out', out)).code).toBe(0);
  const cells = parse(await readFile(out, 'utf8'), { columns: true }) as Record<string, string>[];
  expect(cells).toHaveLength(233);
  expect(cells.at(-1)).toMatchObject({ act: 'audit.head', hash: head.hash });
  expect(cells.map((c) => c['data']).slice(0, 230)).toEqual(rows.slice(0, 230).map((r) => r.data));
  expect(rows.some((r) => r.data.includes(JSON.stringify(ODD[5])))).toBe(true);

  await storage.db.updateTable('audit').set({ actor: '@mallory' }).where('seq', '=', 42).execute();
  const bad = await audit('verify');
  expect(bad.code).toBe(1);
  expect(bad.stdout).toMatch(/row 42 was changed \(expected [0-9a-f]{64}, found [0-9a-f]{64}\)/);
  expect(JSON.parse((await audit('verify', '--json')).stdout)).toMatchObject({
    ok: false,
    faults: [{ kind: 'row_changed', seq: 42 }],
  });
});

test('a key that cannot be used is named, and nothing of it is shown', async () => {
  const key = path.join(place.folder, 'wrong.pem');
  await writeFile(key, '-----BEGIN PRIVATE KEY-----\nTUlHSEFnRUE=\n-----END PRIVATE KEY-----\n');
  const { code, stderr } = await launch(['audit', 'export', '--folder', place.folder], {
    env: { AGENT_HANDOFF_AUDIT_KEY: key },
  }).ended;
  expect(code).toBe(1);
  expect(stderr).toContain(`AUDIT_KEY_INVALID: The key of the audit log at ${key} cannot be used`);
  expect(stderr).not.toContain('TUlHSEFnRUE');
});

test('settings put key and anchors elsewhere', async () => {
  const elsewhere = path.join(place.folder, 'elsewhere');
  const env = {
    AGENT_HANDOFF_AUDIT_KEY: path.join(elsewhere, 'k.pem'),
    AGENT_HANDOFF_AUDIT_ANCHORS: path.join(elsewhere, 'a.jsonl'),
  };
  const { stdout } = await launch(['audit', 'verify', '--folder', place.folder, '--json'], { env }).ended;
  expect(
    (JSON.parse(stdout) as { faults: { kind: string }[] }).faults.filter((f) => f.kind === 'anchors_cut'),
  ).toHaveLength(2);
});
