import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openStorage } from '../../src/storage/storage.js';
import { storagePlace, subjectOf } from './place.js';

const place = storagePlace();
const run = promisify(execFile);

/** Runs a script in several processes at once, each with the storage open; what each printed. */
async function inProcesses(n: number, body: string): Promise<unknown[]> {
  const url = pathToFileURL(path.resolve('dist/storage/storage.js')).href;
  const script = `
    const { openStorage } = await import('${url}');
    const storage = await openStorage({ folder: process.argv[1] });
    const me = process.argv[2];
    // They start at the same moment, or one would be done before the next begins.
    while (Date.now() < Number(process.argv[3])) await new Promise((resolve) => setTimeout(resolve, 1));
    const print = (v) => console.log(JSON.stringify(v));
    ${body}
    await storage.close();`;
  const at = String(Date.now() + 700);
  const out = await Promise.all(
    Array.from({ length: n }, (_, i) =>
      run(process.execPath, ['--input-type=module', '-e', script, place.folder, String(i), at]),
    ),
  );
  return out.map(({ stdout }) => JSON.parse(stdout) as unknown);
}

test('two processes that raise one entry and one phase at once lose no write', async () => {
  await inProcesses(
    2,
    `for (let i = 0; i < 60; i++) {
       await storage.sessions.set('s', 'shared', me + ':' + i, 'p' + me);
       await storage.sessions.setPhase('s', '8', 'in_progress', 'p' + me);
     }
     print(0);`,
  );
  expect((await place.storage.sessions.context('s'))[0]?.version).toBe(120);
  expect((await place.storage.sessions.phase('s', '8'))?.version).toBe(120);
});

test('compare and set lets one of three processes win each round', async () => {
  const wins = await inProcesses(
    3,
    `let won = 0;
     for (let v = 0; v < 30; v++) {
       try { await storage.sessions.set('cas', 'k', me, 'p' + me, v); won++; }
       catch (e) { if (e.code !== 'STATE_CONFLICT') throw e; v = Number(/found version (\\d+)/.exec(e.message)[1]) - 1; }
     }
     print(won);`,
  );
  expect((wins as number[]).reduce((a, b) => a + b)).toBe((await place.storage.sessions.context('cas'))[0]?.version);
});

test('three processes apply the same effects: each is made once', async () => {
  await place.storage.handoffs.register(subjectOf('h'), 'run', 'running');
  const made = await inProcesses(
    3,
    `const ref = { handoff: 'h', session: 's', step: 'work', epoch: 1 };
     await storage.steps.begin(ref);
     let made = 0;
     for (let i = 0; i < 30; i++) {
       const intent = { effect: 'e' + i, kind: 'action:x', resource: 'r:' + i, data: {} };
       const [effect] = await storage.ledger.intend(ref, [intent], async () => false);
       await storage.ledger.apply(ref, effect.key, () => { made++; return {}; });
     }
     print(made);`,
  );
  expect((made as number[]).reduce((a, b) => a + b)).toBe(30);
  expect((await place.storage.ledger.list('h')).map((e) => e.status)).toEqual(Array(30).fill('applied'));
  expect((await place.storage.steps.list('h'))['work']).toEqual({ epoch: 1, attempts: 3 });
});

test('four handoffs in four processes want one resource: one gets it, the others are told who', async () => {
  const got = (await inProcesses(
    4,
    `const handoff = 'want-' + me;
     const subject = { handoffId: handoff, session: 's', type: 'T', priority: 'normal', source: {}, target: {},
       procedure: { id: 'P', version: '1.0.0', digest: 'd' }, requestDigest: 'r' };
     await storage.handoffs.register(subject, 'run-' + me, 'running');
     const ref = { handoff, session: 's', step: 'work', epoch: 1 };
     const intent = { effect: 'e', kind: 'file', resource: 'file:/one', data: {} };
     try { await storage.ledger.intend(ref, [intent], async () => true); print(handoff); }
     catch (e) { print({ code: e.code, holder: e.params.holder }); }`,
  )) as (string | { code: string; holder: string })[];
  const winners = got.filter((g) => typeof g === 'string');
  expect(winners).toHaveLength(1);
  expect(got.filter((g) => typeof g !== 'string')).toEqual(
    [1, 2, 3].map(() => ({ code: 'DESTINATION_RESERVED', holder: winners[0] })),
  );
});

test('one handoff id registered by two processes belongs to the first run', async () => {
  const known = (await inProcesses(
    2,
    `const subject = { handoffId: 'one-id', session: 's', type: 'T', priority: 'normal', source: {}, target: {},
       procedure: { id: 'P', version: '1.0.0', digest: 'd' }, requestDigest: 'r' };
     print((await storage.handoffs.register(subject, 'run-' + me, 'running'))?.run ?? null);`,
  )) as (string | null)[];
  expect(known.filter((k) => k === null)).toHaveLength(1);
  expect(known.find((k) => k !== null)).toBe((await place.storage.handoffs.find('one-id'))?.run);
});

test('a database that is none is refused with its place', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'handoff-damaged-'));
  await writeFile(path.join(folder, 'handoff.db'), 'this is no database, it is a text of some length '.repeat(50));
  await expect(openStorage({ folder })).rejects.toMatchObject({
    code: 'STORAGE_DAMAGED',
    params: { where: path.join(folder, 'handoff.db') },
  });
  await rm(folder, { recursive: true, force: true });
});

test('four processes that hand over one source at once register one artifact, with a transfer each', async () => {
  await inProcesses(
    4,
    `const handoff = 'pass-' + me;
     const subject = { handoffId: handoff, session: 's', type: 'T', priority: 'normal', source: {}, target: {},
       procedure: { id: 'P', version: '1.0.0', digest: 'd' }, requestDigest: 'r' };
     await storage.handoffs.register(subject, 'run-' + me, 'running');
     const ref = { handoff, session: 's', step: 'files', epoch: 1 };
     await storage.steps.begin(ref);
     for (let i = 0; i < 20; i++) {
       const path = '/to/' + me + '/' + i;
       const intent = { effect: 'e' + i, kind: 'file', resource: 'file:' + path, data: {} };
       const [effect] = await storage.ledger.intend(ref, [intent], async () => false);
       await storage.ledger.apply(ref, effect.key, async (trx) => {
         await storage.manifest.arrived(trx, { key: effect.key, handoff, session: 's', name: 'one', kind: 'file',
           source: { phase: '8' }, target: { phase: me }, originalPath: '/from/' + i, originalSha256: 'd' + i, path,
           sha256: 'd' + i, size: 1, files: 1 });
         return {};
       });
       if (i % 2) await storage.ledger.undo(effect.key, async (trx) => {
         await storage.manifest.takenBack(trx, effect.key);
         return 'undone';
       });
     }
     print(0);`,
  );
  const artifacts = await place.storage.manifest.list({ session: 's' });
  expect(artifacts.map((a) => a.originalPath)).toEqual(
    expect.arrayContaining(Array.from({ length: 20 }, (_, i) => `/from/${i}`)),
  );
  expect(artifacts).toHaveLength(20);
  for (const { originalPath, transfers } of artifacts) {
    const status = Number(originalPath.slice(6)) % 2 ? 'undone' : 'success';
    const phases = transfers.map((t) => `${t.target.phase!} ${t.status}`);
    expect(phases.toSorted()).toEqual([0, 1, 2, 3].map((n) => `${n} ${status}`));
  }
});
