import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  rmdirSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { treeDigest } from '../../src/storage/transfer/print.js';
import { Corner } from './corner.js';

let corner: Corner;
beforeAll(async () => {
  corner = await Corner.open();
});
afterAll(() => corner.close());

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const artifact = (name: string, from = name) => ({ name, path: from });

describe('VR001 Phase Completion Check', () => {
  test('passes for a source phase that is recorded as completed', async () => {
    const subject = await corner.subject('vr001-ok');
    await corner.storage.sessions.setPhase(subject.session, '8', 'completed', 'test');
    expect(await corner.finds(subject, 'VR001')).toEqual([true, 'phase 8 is completed']);
  });

  test('passes where the source has no phase', async () => {
    const subject = await corner.subject('vr001-none', { source: { agent: '@a' } });
    expect(await corner.finds(subject, 'VR001')).toEqual([true, 'no source phase is named']);
  });

  test('fails where the phase has no record', async () => {
    const subject = await corner.subject('vr001-missing');
    expect(await corner.finds(subject, 'VR001')).toEqual([false, 'phase 8 has no record in session s-vr001-missing']);
  });

  test.each(['in_progress', 'handed_off', 'ready', 'failed'] as const)(
    'fails for a phase that is %s',
    async (status) => {
      const subject = await corner.subject(`vr001-${status}`);
      await corner.storage.sessions.setPhase(subject.session, '8', status, 'test');
      expect(await corner.finds(subject, 'VR001')).toEqual([false, `phase 8 is ${status}, not completed`]);
    },
  );
});

describe('VR002 Resource Availability Check', () => {
  test('passes for artifacts that are there, and says how much they are', async () => {
    await corner.file('a.txt', '12345');
    await corner.file('b.txt', '123');
    const subject = await corner.subject('vr002-ok', { artifacts: [artifact('a.txt'), artifact('b.txt')] });
    expect(await corner.finds(subject, 'VR002')).toEqual([true, '2 artifacts, 8 bytes']);
  });

  test('names every artifact that is missing, outside the sources, a link that leads outside, or a folder with one', async () => {
    const roots = path.join(corner.folder, 'in');
    const outside = path.join(corner.folder, 'secret.txt');
    writeFileSync(outside, 'secret');
    symlinkSync(outside, path.join(roots, 'link.txt'));
    mkdirSync(path.join(roots, 'folder'));
    symlinkSync('../../secret.txt', path.join(roots, 'folder', 'out'));
    const subject = await corner.subject('vr002-bad', {
      artifacts: [
        artifact('missing.txt'),
        artifact('folder'),
        artifact('outside.txt', '../secret.txt'),
        artifact('absolute.txt', '/etc/hostname'),
        artifact('link.txt'),
      ],
    });
    const [passed, message] = await corner.finds(subject, 'VR002');
    expect(passed).toBe(false);
    expect(message.split('; ')).toEqual([
      `Artifact missing.txt: there is no file at ${path.join(roots, 'missing.txt')}.`,
      'Artifact folder: the symbolic link out → ../../secret.txt cannot be handed over: it leads out of the folder.',
      `Artifact outside.txt: ../secret.txt is not under an allowed source folder (${roots}). \`--source\` of the worker allows others.`,
      `Artifact absolute.txt: /etc/hostname is not under an allowed source folder (${roots}). \`--source\` of the worker allows others.`,
      `Artifact link.txt: link.txt is not under an allowed source folder (${roots}). \`--source\` of the worker allows others.`,
    ]);
  });

  test('fails for a file that this user may not read', async (ctx) => {
    const file = await corner.file('unreadable.txt');
    chmodSync(file, 0o000);
    chmodSync(path.dirname(file), 0o755);
    // Root reads everything, so a child that has become nobody looks; what it needs is imported before.
    const dist = (name: string): string => pathToFileURL(path.resolve('dist', name)).href;
    const script = `
      const { resourceAvailability } = await import('${dist('rules/state.js')}');
      if (process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534); }
      const folder = '${corner.folder}';
      const storage = { root: folder, folder, sources: [folder + '/in'], ledger: { holderOf: async () => undefined } };
      const content = { artifacts: [{ name: 'unreadable.txt', path: 'unreadable.txt' }], context: {}, metadata: {} };
      console.log(JSON.stringify(await resourceAvailability({ subject: { target: { phase: '13' } }, storage, content })));`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    if (child.status !== 0) return ctx.skip(`cannot look as another user: ${child.stderr.slice(-200)}`);
    expect(JSON.parse(child.stdout)).toEqual({
      passed: false,
      message: `EACCES: permission denied, access '${file}'`,
    });
  });

  test('fails where the disk lacks room for all of them', async () => {
    const file = await corner.file('huge.bin');
    const { bavail, bsize } = statfsSync(corner.storage.root);
    // A file with a hole: it has the size, and takes no room itself.
    const size = bavail * bsize + 2 ** 32;
    truncateSync(file, size);
    const subject = await corner.subject('vr002-room', { artifacts: [artifact('huge.bin')] });
    const [passed, message] = await corner.finds(subject, 'VR002');
    unlinkSync(file);
    expect(passed).toBe(false);
    expect(message).toMatch(new RegExp(`^the disk has room for \\d+ bytes, ${size} are needed$`));
  });

  test('fails where an open handoff has reserved the place, and names it; passes once that one is closed', async () => {
    await corner.file('shared.txt');
    const handed = { artifacts: [artifact('shared.txt')], target: { phase: '21' } };
    const first = await corner.subject('vr002-first', handed);
    await corner.act(first, 'transfer');
    const second = await corner.subject('vr002-second', handed);
    expect(await corner.finds(second, 'VR002')).toEqual([
      false,
      'the place of shared.txt is reserved by handoff vr002-first',
    ]);
    await corner.storage.db.updateTable('handoffs').set({ closed_at: 1 }).where('id', '=', 'vr002-first').execute();
    expect((await corner.finds(second, 'VR002'))[0]).toBe(true);
  });
});

describe('VR003 State Consistency Check', () => {
  const { sessions } = { sessions: () => corner.storage.sessions };

  test('before the state is synchronised: passes while the context is as the source phase left it, and fails after a change', async () => {
    const subject = await corner.subject('vr003-before');
    await sessions().set(subject.session, 'plan', { v: 1 }, 'test');
    await sessions().setPhase(subject.session, '8', 'completed', 'test');
    expect(await corner.finds(subject, 'VR003')).toEqual([true, 'the context is as the source phase left it']);
    await sessions().set(subject.session, 'plan', { v: 2 }, 'somebody');
    expect(await corner.finds(subject, 'VR003')).toEqual([
      false,
      'the context of session s-vr003-before changed since phase 8 was completed',
    ]);
    // The same value again is the same state, whatever its version.
    await sessions().set(subject.session, 'plan', { v: 1 }, 'somebody');
    expect((await corner.finds(subject, 'VR003'))[0]).toBe(true);
  });

  test('passes where no digest is recorded', async () => {
    const subject = await corner.subject('vr003-none');
    expect(await corner.finds(subject, 'VR003')).toEqual([true, 'no state digest is recorded']);
  });

  test('after: every record must hold what the ledger says was written', async () => {
    const subject = await corner.subject('vr003-after', { context: { plan: 1, notes: 2 } });
    await sessions().setPhase(subject.session, '8', 'completed', 'test');
    await corner.act(subject, 'sync_state');
    expect(await corner.finds(subject, 'VR003')).toEqual([true, '4 records hold what was written']);
    await sessions().set(subject.session, 'plan', 99, 'somebody');
    await sessions().setPhase(subject.session, '13', 'in_progress', 'somebody');
    await corner.storage.db.deleteFrom('context').where('key', '=', 'notes').execute();
    const [passed, message] = await corner.finds(subject, 'VR003');
    expect(passed).toBe(false);
    expect(message.split('; ').toSorted()).toEqual([
      'context:s-vr003-after/notes: version 1 was written, nothing is there',
      'context:s-vr003-after/plan: version 1 was written, version 2 is there',
      'phase:s-vr003-after/13: version 1 was written, version 2 is there',
    ]);
  });
});

describe('VR005 Context Transfer Validation', () => {
  const handed = { context: { plan: 'secret', n: 2 }, instructions: 'do it' };

  test('fails before anything was delivered, passes after', async () => {
    const subject = await corner.subject('vr005', handed);
    expect(await corner.finds(subject, 'VR005')).toEqual([false, 'nothing was delivered to the target']);
    await corner.act(subject, 'transfer', { what: ['context'] });
    expect(await corner.finds(subject, 'VR005')).toEqual([true, '2 context entries delivered']);
  });

  test('fails where the delivery was tampered with', async () => {
    const subject = await corner.subject('vr005-tampered', handed);
    await corner.act(subject, 'transfer', { what: ['context'] });
    await corner.storage.db
      .updateTable('deliveries')
      .set({ content: JSON.stringify({ ...handed, context: { plan: 'changed', n: 2 }, metadata: {}, artifacts: [] }) })
      .where('handoff', '=', 'vr005-tampered')
      .execute();
    expect(await corner.finds(subject, 'VR005')).toEqual([false, 'the delivery no longer has its recorded digest']);
  });

  test('fails where content and digest were both replaced', async () => {
    const subject = await corner.subject('vr005-replaced', handed);
    const other = await corner.subject('vr005-other', { context: { plan: 'another' } });
    await corner.act(subject, 'transfer', { what: ['context'] });
    await corner.act(other, 'transfer', { what: ['context'] });
    const row = await corner.storage.db
      .selectFrom('deliveries')
      .select(['content', 'digest'])
      .where('handoff', '=', 'vr005-other')
      .executeTakeFirstOrThrow();
    await corner.storage.db.updateTable('deliveries').set(row).where('handoff', '=', 'vr005-replaced').execute();
    expect(await corner.finds(subject, 'VR005')).toEqual([false, 'the delivery differs from what was sent']);
  });
});

describe('VR008 Data Integrity Check', () => {
  test('before the transfer: the sources have the checksums that the request declares', async () => {
    await corner.file('sum.txt', 'as declared');
    const good = { ...artifact('sum.txt'), sha256: sha256('as declared') };
    const subject = await corner.subject('vr008-before', { artifacts: [good, artifact('a.txt')] });
    expect(await corner.finds(subject, 'VR008')).toEqual([true, '1 checksums hold']);
    await corner.file('sum.txt', 'changed');
    expect(await corner.finds(subject, 'VR008')).toEqual([
      false,
      `sum.txt: expected sha256 ${sha256('as declared').slice(0, 12)}…, found ${sha256('changed').slice(0, 12)}…`,
    ]);
    unlinkSync(path.join(corner.folder, 'in', 'sum.txt'));
    expect(await corner.finds(subject, 'VR008')).toEqual([
      false,
      `Artifact sum.txt: there is no file at ${path.join(corner.folder, 'in', 'sum.txt')}.`,
    ]);
  });

  test('after the transfer: what arrived still has its checksum, whether or not the request declared one', async () => {
    await corner.file('arrives.txt', 'arrived');
    const subject = await corner.subject('vr008-after', {
      artifacts: [artifact('arrives.txt')],
      target: { phase: '34' },
    });
    await corner.act(subject, 'transfer');
    expect(await corner.finds(subject, 'VR008')).toEqual([true, '1 checksums hold']);
    const arrived = path.join(corner.storage.root, 'artifacts', 'phase_34', 'arrives.txt');
    writeFileSync(arrived, 'tampered');
    expect(await corner.finds(subject, 'VR008')).toEqual([
      false,
      `arrives.txt: expected sha256 ${sha256('arrived').slice(0, 12)}…, found ${sha256('tampered').slice(0, 12)}…`,
    ]);
    unlinkSync(arrived);
    expect(await corner.finds(subject, 'VR008')).toEqual([false, `arrives.txt: there is no file at ${arrived}`]);
  });

  test('of a folder: its tree digest, declared and arrived, and every mode, link and empty folder counts', async () => {
    const at = path.join(corner.folder, 'in', 'tree');
    mkdirSync(path.join(at, 'empty'), { recursive: true });
    writeFileSync(path.join(at, 'a'), 'a');
    symlinkSync('a', path.join(at, 'l'));
    const declared = { ...artifact('tree'), sha256: (await treeDigest(at)).sha256 };
    const subject = await corner.subject('vr008-tree', { artifacts: [declared], target: { phase: '35' } });
    expect(await corner.finds(subject, 'VR002')).toEqual([true, '1 artifacts, 1 bytes']);
    expect(await corner.finds(subject, 'VR008')).toEqual([true, '1 checksums hold']);
    chmodSync(path.join(at, 'a'), 0o600);
    expect(await corner.finds(subject, 'VR008')).toEqual([false, expect.stringMatching(/^tree: expected sha256 /)]);
    chmodSync(path.join(at, 'a'), 0o644);
    await corner.act(subject, 'transfer');
    const arrived = path.join(corner.storage.root, 'artifacts', 'phase_35', 'tree');
    expect(await corner.finds(subject, 'VR008')).toEqual([true, '1 checksums hold']);
    rmdirSync(path.join(arrived, 'empty'));
    expect(await corner.finds(subject, 'VR008')).toEqual([false, expect.stringMatching(/^tree: expected sha256 /)]);
    symlinkSync('/etc', path.join(arrived, 'empty'));
    expect(await corner.finds(subject, 'VR008')).toEqual([
      false,
      expect.stringContaining('the symbolic link empty → /etc'),
    ]);
  });
});
