import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Trace } from '../../src/client/manifest.js';
import type { ManifestDocument } from '../../src/core/manifest-document.js';
import type { Verification } from '../../src/core/verification.js';
import { Rig } from '../rig/rig.js';
import { handoff, json, type Ended } from './rig.js';

const session = `artifacts-${process.pid}`;
let rig: Rig;
let [first, second, undone] = ['', '', ''];

const run = (...args: string[]): Promise<Ended> => handoff([...args, '--folder', rig.storage.folder]);
const answer = <T>(...args: string[]): Promise<T> => json<T>([...args, '--folder', rig.storage.folder]);
const document = (...args: string[]): Promise<ManifestDocument> => answer('manifest', ...args);

beforeAll(async () => {
  rig = await Rig.create();
  await rig.client.sessions.setPhase(session, 8, 'completed', 'test');
  first = await rig.start('PHASE_TRANSITION_STANDARD', {
    session,
    handoffId: `f-${process.pid}`,
    target: { phase: 13 },
  });
  await rig.client.result(first);
  // What was taken back stays in the manifest.
  undone = await rig.start('AGENT_HANDOFF_STANDARD', { handoffId: `u-${process.pid}` });
  await rig.untilStatus(undone, 'awaiting_acceptance');
  await rig.client.reject(undone, { by: '@nodejs-specialist', reason: 'not now' });
  await rig.client.result(undone);
});
afterAll(() => rig.close());

const idOf = async (name: string): Promise<string> => (await document('--artifact', name)).artifacts[0]!.id;
const arrived = (name: string): string => path.join(rig.storage.root, 'artifacts', 'phase_13', name);

test('the manifest is the document of S2, and every option narrows it', async () => {
  const { artifacts } = await document('--handoff', first);
  const [a, b] = artifacts;
  expect([a!.name, b!.name]).toEqual(['architecture.json', 'modules.json']);
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as unknown;
  expect(a).toMatchObject({
    id: expect.stringMatching(/^artifact_\d{3}$/) as unknown,
    source_phase: 8,
    destination_phases: [13],
    created_by: '@code-architect',
    created_at: time,
    path: path.join(rig.folder, 'in', 'architecture.json'),
    checksum: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    size_bytes: 21,
    schema: null,
    checksum_valid: true,
  });
  expect(a!.transferred_to[0]).toMatchObject({
    phase: 13,
    transferred_at: time,
    transfer_checksum: a!.checksum,
    status: 'success',
    transferred_path: arrived('architecture.json'),
  });
  // The same files went to another target, and came back from there: the same artifacts.
  expect(a!.transferred_to.slice(1)).toMatchObject([{ status: 'undone', handoff: undone, undo_result: 'undone' }]);
  expect((await document()).artifacts).toEqual(artifacts);
  const names = async (...args: string[]): Promise<string[]> => (await document(...args)).artifacts.map((x) => x.name);
  expect(await names('--artifact', a!.id)).toEqual([a!.name]);
  expect(await names('--artifact', 'modules.json', '--phase', '13')).toEqual(['modules.json']);
  expect(await names('--digest', a!.checksum.slice(0, 8))).toEqual([a!.name]);
  expect(await names('--session', session)).toEqual([a!.name, b!.name]);
  for (const none of [
    ['--phase', '99'],
    ['--session', 'x'],
    ['--handoff', 'x'],
    ['--digest', '00000000'],
  ])
    expect(await names(...none)).toEqual([]);
  expect(await rig.client.manifest({ handoff: first })).toEqual({ artifacts });
});

test('the manifest for people is a table', async () => {
  const { stdout, code } = await run('manifest');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ID +NAME +FROM +TO +SIZE +SHA-256 +FIRST SEEN\n/);
  expect(stdout).toMatch(/^artifact_\d{3} +modules\.json +phase 8 +phase 13 +12 B +[0-9a-f]{12} +.* ago$/m);
  expect((await run('manifest', '--phase', '99')).stdout).toBe('No artifacts.\n');
  const bad = await run('manifest', '--digest', 'xyz');
  expect(bad.code).toBe(2);
  expect(bad.stderr).toMatch(/^error INVALID_REQUEST: .*\/filter\/"digest": must be the beginning of a hex SHA-256/);
});

test('a trace tells the whole way, in words and as JSON', async () => {
  second = await rig.start('PHASE_TRANSITION_STANDARD', {
    session,
    handoffId: `s-${process.pid}`,
    source: { phase: 8 },
    target: { agent: '@nodejs-specialist', phase: 14 },
    artifacts: [{ name: 'passed-on.json', path: path.join(rig.folder, 'in', 'on.json') }],
    ...(await writeFile(path.join(rig.folder, 'in', 'on.json'), '{"on":1}').then(() => ({}))),
  });
  await rig.client.result(second);
  const { stdout, code } = await run('trace', 'architecture.json', '--verify');
  expect(code).toBe(0);
  const id = await idOf('architecture.json');
  const lines = [
    /^.*\/in\/architecture\.json$/,
    /^│ +@code-architect, first seen .*; it is there, as it was passed$/,
    new RegExp(`^└─ ${id}  architecture\\.json  21 B  sha256 [0-9a-f]{12}$`),
    new RegExp(`^ +├─ ✓ .*  .*phase 8\\) → phase 13  ${first}$`),
    /^ +│ +.*\/phase_13\/architecture\.json$/,
    /^ +│ +sha256 [0-9a-f]{12}; it is there, as it was passed$/,
    new RegExp(`^ +└─ ↶ .*${undone}$`),
    /^ +.*architecture\.json$/,
    /^ +sha256 [0-9a-f]{12}; undone .*$/,
  ];
  const said = stdout.trimEnd().split('\n');
  expect(said).toHaveLength(lines.length);
  for (const [i, line] of lines.entries()) expect(said[i]).toMatch(line);
  const trace = await answer<Trace>('trace', id);
  expect(trace).toMatchObject({
    artifact: { id, transfers: [{ status: 'success' }, { status: 'undone' }] },
    now: [{ path: arrived('architecture.json'), state: 'there' }],
    madeFrom: [],
  });
  const byPath = await answer<Trace>('trace', arrived('modules.json'));
  expect(byPath.artifact.name).toBe('modules.json');
  expect((await answer<Trace>('trace', byPath.artifact.sha256.slice(0, 10))).artifact).toEqual(byPath.artifact);
  expect((await rig.client.trace('modules.json')).artifact).toEqual(byPath.artifact);
});

test('a name that several have is listed, and one that nobody has is an error', async () => {
  const twin = await rig.start('AGENT_HANDOFF_STANDARD', {
    artifacts: [{ name: 'modules.json', path: path.join(rig.folder, 'in', 'twin.json') }],
    ...(await writeFile(path.join(rig.folder, 'in', 'twin.json'), '{"twin":1}').then(() => ({}))),
  });
  await rig.untilStatus(twin, 'awaiting_acceptance');
  const { code, stderr } = await run('trace', 'modules.json');
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error ARTIFACT_AMBIGUOUS: modules\.json fits several artifacts; name one by its id: artifact_\d+ \(modules\.json, .*\); artifact_\d+ \(.*\)\n$/,
  );
  const { error } = await answer<{ error: { params: { candidates: unknown[] } } }>('trace', 'modules.json');
  expect(error.params.candidates).toHaveLength(2);
  const none = await run('trace', 'nothing.json');
  expect([none.code, none.stderr]).toEqual([
    1,
    'error ARTIFACT_UNKNOWN: No artifact nothing.json is in the manifest. `handoff manifest` shows what is there.\n',
  ]);
  await rig.client.cancel(twin, { by: 'test', reason: 'end' });
  await rig.client.result(twin);
});

test('verify names what differs and exits 1; where all is true, 0', async () => {
  const good = await run('verify', first);
  expect([good.code, good.stdout]).toEqual([0, '✓ All is as it was passed. 2 places were read, 33 B.\n']);
  const file = arrived('architecture.json');
  const was = await readFile(file);
  const id = await idOf('architecture.json');
  await writeFile(file, '{"modules":["USERS"]}');
  const bad = await run('verify', id);
  expect(bad.code).toBe(1);
  expect(bad.stdout).toMatch(
    new RegExp(
      `^✗ ${file}\\n    changed: expected sha256 [0-9a-f]{12}, found sha256 [0-9a-f]{12} \\(${id} architecture\\.json, passed by ${first}\\)\\n1 difference\\. 1 place was read, 21 B; not read: 1 undone\\.\\n$`,
    ),
  );
  expect((await run('trace', id, '--verify')).stdout).toContain('CHANGED since');
  await writeFile(file, was);
  await chmod(file, 0o600);
  expect((await answer<Verification>('verify', '--all')).differences).toMatchObject([
    { kind: 'mode_changed', artifact: id, handoff: first, path: file, expected: 'mode 644', found: 'mode 600' },
  ]);
  await rm(file);
  const all = await run('verify', '--all');
  expect([all.code, all.stdout]).toEqual([1, expect.stringContaining(`✗ ${file}\n    missing: nothing is there`)]);
  expect((await run('trace', id)).stdout).toContain('GONE');
  expect((await rig.client.verify([first])).differences.map((d) => d.kind)).toEqual(['missing']);
  await writeFile(file, was, { mode: 0o644 });
  await chmod(file, 0o644);
  expect((await run('verify', '--all')).code).toBe(0);
});

test('verify wants to know what', async () => {
  const { code, stderr } = await run('verify');
  expect([code, stderr]).toEqual([2, 'error USAGE: Name handoffs or artifacts, or say --all.\n']);
  expect((await run('verify', 'nobody')).stderr).toContain('ARTIFACT_UNKNOWN');
  expect((await handoff(['manifest', '--folder', path.join(rig.folder, 'none')])).stderr).toContain('FOLDER_NOT_FOUND');
});

test('show has what the handoff passed on, and where it is', async () => {
  const at = ['--address', rig.address, '--task-queue', rig.taskQueue];
  const { stdout } = await run('show', first, ...at);
  expect(stdout).toMatch(
    /^Artifacts\n {2}NAME +SHA-256 +WHERE +ID\n {2}architecture\.json +[0-9a-f]{12} +arrived +phase_13\/architecture\.json +artifact_\d+$/m,
  );
  expect((await run('show', undone, ...at)).stdout).toMatch(/^ {2}modules\.json +[0-9a-f]{12} +undone +/m);
});
