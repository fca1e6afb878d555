import { closeSync, openSync, writeSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { examine } from '../../src/cli/doctor/examine.js';
import type { Finding, Patient } from '../../src/cli/doctor/finding.js';
import { HandoffClient } from '../../src/client.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { openStorage } from '../../src/storage/storage.js';
import { connectClient, type ConnectedClient } from '../../src/temporal/connect.js';
import { reconcileScheduleId } from '../../src/temporal/reconcile-schedule.js';
import { mayMount, mount, unmount } from '../rig/mount.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { handoff, json } from './rig.js';

const parts = new Parts();
let rig: Rig;
let temporal: ConnectedClient;
let base: string;
const by = 'op';
const at = (): string[] => ['--folder', rig.storage.folder, '--address', rig.address, '--task-queue', rig.taskQueue];
const patient = (over: Partial<Patient> = {}): Patient => ({
  taskQueue: rig.taskQueue,
  temporal,
  storage: rig.storage,
  minFree: 1,
  graceMs: 60_000,
  ...over,
});
const finding = async (check: string, over: Partial<Patient> = {}): Promise<Finding> =>
  (await examine(patient(over))).find((f) => f.check === check)!;
const schedule = () => rig.temporal.schedule.getHandle(reconcileScheduleId(rig.taskQueue));
const offered = async (over: object = {}): Promise<string> => {
  const id = await startWork(rig, 'WORK_AND_ASK', over);
  await rig.untilStatus(id, 'awaiting_acceptance');
  return id;
};
const end = async (id: string): Promise<void> => {
  await rig.client.cancel(id, { by, reason: 'end of test' });
  await rig.client.result(id);
};

beforeAll(async () => {
  rig = await Rig.create(parts.options);
  temporal = await connectClient({ address: rig.address });
  base = await mkdtemp(path.join(tmpdir(), 'handoff-doctor-'));
});
afterAll(async () => {
  await schedule().delete();
  await rig.close();
  await temporal.connection.close();
  await rm(base, { recursive: true, force: true });
});

test('setup makes what is missing, and nothing twice', async () => {
  expect(await finding('reconciliation')).toMatchObject({
    level: 'warn',
    mend: expect.stringMatching(/^handoff setup /) as unknown,
  });
  const args = ['setup', '--reconcile-seconds', '86400', ...at()];
  expect(await handoff(args)).toMatchObject({
    code: 0,
    stdout: `Made the schedule handoff-reconcile/${rig.taskQueue}.\n`,
  });
  expect(await handoff(args)).toMatchObject({
    code: 0,
    stdout: `Nothing to do: namespace default is prepared for task queue ${rig.taskQueue}.\n`,
  });
});

test('a healthy one has a ✓ on every line, and exits with 0', async () => {
  const id = await offered();
  const { code, stdout, stderr } = await handoff(['doctor', '--min-free', '1', ...at()]);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith('✓ '))).toEqual([]);
  expect(lines).toHaveLength(14);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  await end(id);
});

test('a schedule that is paused', async () => {
  await schedule().pause('while we look');
  expect(await finding('reconciliation')).toMatchObject({
    level: 'warn',
    what: 'its schedule is paused (while we look): terminated runs are not found',
  });
  await schedule().unpause();
  expect(await finding('reconciliation')).toMatchObject({ level: 'ok' });
});

test('a run that was terminated, which --fix takes up, and is then an incident', async () => {
  const id = await offered();
  await rig.temporal.workflow.getHandle(workflowIdOf(id)).terminate('by hand');
  // Young differences are left alone.
  await expect
    .poll(() => finding('lost runs'), { timeout: 20_000, interval: 500 })
    .toMatchObject({
      level: 'bad',
      handoffs: [id],
      what: `1 handoff lost: ${id} (its run was closed in Temporal as TERMINATED without an undo)`,
    });
  expect(await rig.client.incidents()).toEqual([]);
  const { code, stdout } = await handoff(['doctor', '--fix', '--min-free', '1', ...at()]);
  expect(stdout).toContain(`Mended: a repair run stands for ${id}.\n`);
  expect(stdout).toContain('✓ lost runs: ');
  expect(stdout).toMatch(
    new RegExp(`! incidents: 1 handoff with an incident, the oldest .* ago: ${id}\n {4}handoff incidents\n`),
  );
  expect(code).toBe(1);
  await rig.client.rollback(id, { by, reason: 'end of test', incidentId: 'inc-1' });
  await rig.untilStatus(id, 'failed');
  await expect.poll(() => finding('incidents'), { timeout: 5000 }).toMatchObject({ level: 'ok' });
}, 60_000);

test('a queue that nobody polls, and a run that waits on it', async () => {
  const taskQueue = `nobody-${newId()}`;
  const client = new HandoffClient({ temporal: rig.temporal, storage: rig.storage, taskQueue });
  const { handoffId } = await client.start({
    procedure: 'WORK_ONLY',
    source: { agent: AGENTS.source },
    target: { agent: AGENTS.target },
  });
  expect(await finding('worker', { taskQueue })).toMatchObject({
    level: 'bad',
    what: `no worker polls task queue ${taskQueue}`,
    mend: expect.stringContaining(`handoff worker --task-queue ${taskQueue}`) as unknown,
  });
  const look = () => examine(patient({ taskQueue, graceMs: 0 }));
  await expect
    .poll(look, { timeout: 20_000 })
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({ check: 'stuck runs', level: 'bad', handoffs: [handoffId] }),
        expect.objectContaining({ check: 'records', level: 'warn', what: `1 handoff: ${handoffId} (no open record)` }),
      ]),
    );
  await rig.temporal.workflow.getHandle(workflowIdOf(handoffId)).terminate('end of test');
}, 60_000);

test('code that does not fit its runs: the workflow task fails again and again', async (ctx) => {
  const id = await offered();
  await rig.stopWorker();
  const file = path.resolve(import.meta.dirname, '..', 'rig', 'broken-workflow.mjs');
  const connection = await NativeConnection.connect({ address: rig.address });
  const worker = await Worker.create({ connection, taskQueue: rig.taskQueue, workflowsPath: file });
  const running = worker.run();
  ctx.onTestFinished(() => connection.close());
  await rig.client.pause(id, { by, reason: 'x' });
  await expect
    .poll(() => finding('stuck runs'), { timeout: 50_000, interval: 500 })
    .toMatchObject({
      level: 'bad',
      handoffs: [id],
      what: expect.stringMatching(
        new RegExp(`^1 handoff is stuck: ${id} \\(its workflow task is at attempt \\d+: .+\\)$`),
      ) as unknown,
    });
  worker.shutdown();
  await running;
  await rig.startWorker();
  await rig.until(id, (s) => s.from === 'run' && s.state?.holds.operator !== undefined, 40_000);
  expect(await finding('stuck runs')).toMatchObject({ level: 'ok' });
  await end(id);
}, 120_000);

test('a handoff that is open beyond its expiry', async () => {
  const id = await offered({ expiresInMinutes: 3 / 60 });
  await rig.stopWorker();
  await expect
    .poll(() => finding('expiry', { graceMs: 0 }), { timeout: 20_000 })
    .toMatchObject({ level: 'bad', handoffs: [id] });
  await rig.startWorker();
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'expired' });
  await expect.poll(() => finding('expiry', { graceMs: 0 }), { timeout: 10_000 }).toMatchObject({ level: 'ok' });
});

test('a namespace that is not there, and one that is not prepared', async (ctx) => {
  const name = `doctor-${newId()}`;
  const there = await connectClient({ address: rig.address, namespace: name });
  ctx.onTestFinished(() => there.connection.close());
  expect(await finding('namespace', { temporal: there })).toMatchObject({
    level: 'bad',
    what: `there is no namespace ${name}`,
  });
  await there.connection.workflowService.registerNamespace({
    namespace: name,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  // A new namespace takes a few seconds to be known everywhere.
  await expect
    .poll(() => finding('search attributes', { temporal: there }), { timeout: 30_000 })
    .toMatchObject({
      level: 'bad',
      what: expect.stringContaining(`${name} lacks HandoffStatus, `) as unknown,
      mend: `handoff setup --namespace ${name}`,
    });
  const client = new HandoffClient({ temporal: there.client, storage: rig.storage });
  const request = { procedure: 'WORK_ONLY', source: { agent: AGENTS.source }, target: { agent: AGENTS.target } };
  await expect
    .poll(() => client.start(request).catch((error: Error) => error.message), { timeout: 30_000 })
    .toContain(`Add them: \`handoff setup --namespace ${name}\`.`);
  const set = await json<{ searchAttributes: string[] }>(['setup', '--namespace', name, ...at()]);
  expect(set.searchAttributes).toHaveLength(8);
  expect(await finding('search attributes', { temporal: there })).toMatchObject({ level: 'ok' });
}, 90_000);

test('an agent that is silent while a handoff waits for it', async () => {
  await rig.client.agents.add({ name: 'sleepy', heartbeatSeconds: 1 });
  const id = await offered({ target: { agent: 'sleepy' } });
  await expect
    .poll(() => finding('agents'), { timeout: 5000 })
    .toMatchObject({
      level: 'warn',
      handoffs: [id],
      what: expect.stringMatching(/^sleepy: its last heartbeat is .* old, .* and 1 handoff waits for it$/) as unknown,
    });
  await end(id);
});

test('what is kept of a handoff that closed, which --fix removes', async () => {
  const id = await startWork(rig, 'WORK_ONLY');
  await rig.client.result(id);
  const folder = path.join(rig.storage.stagingFolder, id);
  await mkdir(folder, { recursive: true });
  await expect.poll(async () => (await rig.storage.handoffs.find(id))?.closedAt).toBeDefined();
  expect(await finding('leftovers')).toMatchObject({ level: 'ok' });
  const closed_at = Date.now() - 600_000;
  await rig.storage.db.updateTable('handoffs').set({ closed_at }).where('id', '=', id).execute();
  expect(await finding('leftovers')).toMatchObject({ level: 'warn', handoffs: [id] });
  const { stdout } = await handoff(['doctor', '--fix', '--min-free', '1', ...at()]);
  expect(stdout).toContain('Mended: removed what nobody needs any more of 1 handoff.');
  expect(await finding('leftovers')).toMatchObject({ level: 'ok' });
});

test('a disk with too little room', async () => {
  const { code, stdout } = await handoff(['doctor', '--min-free', '1000000000', ...at()]);
  expect(stdout).toMatch(/^! disk: .* free for .*\n {4}Make room there\./m);
  expect(code).toBe(1);
});

test.skipIf(!mayMount())('a disk that is full', async () => {
  const full = path.join(base, 'full');
  await mkdir(full);
  mount(full, '2m');
  const storage = await openStorage({ folder: path.join(base, 'beside'), root: full });
  try {
    await writeFile(path.join(full, 'much'), Buffer.alloc(2_000_000));
    // What a default of 500 MB makes of it does not depend on the disk beside it.
    const findings = await examine(patient({ storage, minFree: 200_000 }));
    expect(findings.find((f) => f.check === 'disk')).toMatchObject({
      level: 'warn',
      what: expect.stringContaining(`free for ${full}`) as unknown,
    });
  } finally {
    await storage.close();
    unmount(full);
  }
});

test('a database that is damaged', async () => {
  const folder = path.join(base, 'damaged');
  await rig.storage.db.executeQuery({ sql: 'PRAGMA wal_checkpoint(TRUNCATE)', parameters: [], query: {} } as never);
  await cp(path.join(rig.storage.folder, 'handoff.db'), path.join(folder, 'handoff.db'), { recursive: true });
  const fd = openSync(path.join(folder, 'handoff.db'), 'r+');
  for (let page = 4; page < 12; page++) writeSync(fd, Buffer.alloc(2000, 7), 0, 2000, page * 4096 + 8);
  closeSync(fd);
  const { code, stdout } = await handoff(['doctor', ...at(), '--folder', folder]);
  expect(stdout).toMatch(/^✗ database: /m);
  expect(code).toBe(1);
});

test('a database that cannot be read is no reason to look elsewhere', async () => {
  const folder = path.join(base, 'garbage');
  await mkdir(folder, { recursive: true });
  await writeFile(
    path.join(folder, 'handoff.db'),
    'this is no database, and long enough to be taken for one '.repeat(99),
  );
  for (const verb of [['list'], ['procedures', 'list'], ['watch', '--once']]) {
    const { code, stderr } = await handoff([...verb, '--folder', folder]);
    expect(stderr).toMatch(/^error STORAGE_DAMAGED: /);
    expect(code).toBe(1);
  }
});

test('no server: it says so, and looks at the data all the same', async () => {
  const where = ['--folder', rig.storage.folder, '--address', '127.0.0.1:1'];
  const { code, stdout } = await handoff(['doctor', '--min-free', '1', ...where]);
  expect(code).toBe(3);
  expect(stdout).toMatch(/^✗ server: The Temporal server at 127\.0\.0\.1:1 could not be reached/m);
  expect(stdout).toContain('· stuck runs: not looked at: no server was reached');
  expect(stdout).toContain('✓ incidents: none is open');
  expect(stdout).toContain('✓ database: it is whole');
  const { findings } = await json<{ findings: Finding[] }>(['doctor', ...where]);
  expect(findings.find((f) => f.check === 'agents')).toMatchObject({ level: 'ok' });
});

test('no data folder: it looks at the server', async () => {
  const where = ['--address', rig.address, '--task-queue', rig.taskQueue, '--folder', path.join(base, 'none')];
  const { code, stdout } = await handoff(['doctor', ...where]);
  expect(code).toBe(0);
  expect(stdout).toContain('holds no handoff data');
  expect(stdout).toContain('✓ worker: ');
});
