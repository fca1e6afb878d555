import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { handoff, json } from './rig.js';

const GOLDEN = path.resolve(import.meta.dirname, '..', 'histories');
const golden = (name: string): string => readFileSync(path.join(GOLDEN, `0.1.0-${name}.json`), 'utf8');
const folders: string[] = [];
function folder(files: Record<string, string> = {}): string {
  const made = mkdtempSync(path.join(tmpdir(), 'handoff-replay-'));
  folders.push(made);
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(made, name), text);
  return made;
}
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

interface Said {
  replayed: number;
  differ: number;
  unreadable: number;
  results: { from: string; result: string; workflowId?: string; why?: string }[];
}

describe('handoff replay DIR', () => {
  test('a folder of recorded histories: a line each, a summary, exit code 0', async () => {
    const { stdout, stderr, code } = await handoff(['replay', GOLDEN]);
    expect(stderr).toBe('');
    const lines = stdout.trimEnd().split('\n');
    const files = readdirSync(GOLDEN).toSorted();
    expect(lines).toHaveLength(files.length + 1);
    expect(lines[0]).toBe(`✓ ${files[0]!}  handoff/golden-agent-handoff-completed`);
    expect(lines.at(-1)).toBe(`${files.length} replayed, 0 differ`);
    expect(code).toBe(0);
  });

  test('one that differs is named with the reason, and does not hide the others', async () => {
    const changed = golden('rejected').replaceAll('"name": "undo"', '"name": "other"');
    const where = folder({ 'a.json': changed, 'b.json': golden('expired'), 'c.txt': 'not read' });
    const { stdout, code } = await handoff(['replay', where]);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(
        /^✗ a\.json {2}handoff\/golden-rejected: \[TMPRL1100\] Nondeterminism error: Activity type of scheduled event 'other' does not match/,
      ) as string,
      '✓ b.json  handoff/golden-expired',
      '2 replayed, 1 differ',
      '',
    ]);
    expect(code).toBe(1);
  });

  test('what cannot be replayed is named with what is wrong, in one line each', async () => {
    const whole = JSON.parse(golden('rejected')) as { events: Record<string, unknown>[] };
    const events = (change: (e: Record<string, unknown>[]) => unknown): string => {
      const copy = structuredClone(whole);
      change(copy.events);
      return JSON.stringify(copy);
    };
    const where = folder({
      'a.json': '{',
      'b.json': '',
      'c.json': '[]',
      'd.json': '{"events":[]}',
      'e.json': events((e) => e.splice(4, 1)),
      'f.json': events((e) => e.splice(1)),
      'g.json': events((e) => (e[1]!['eventType'] = 'EVENT_TYPE_OF_TOMORROW')),
      'h.json': events(
        (e) => (e[0]!['workflowExecutionStartedEventAttributes'] = { input: { payloads: [{ a: 1 }, 'x'] } }),
      ),
      'i.json': '{"handoffId":"h"}',
      'z.json': golden('rejected'),
    });
    const said = await json<Said>(['replay', where]);
    expect(said).toMatchObject({ replayed: 1, differ: 0, unreadable: 9 });
    expect(said.results.map((r) => `${r.from} ${r.why ?? r.result}`)).toEqual([
      expect.stringMatching(/^a\.json it is no JSON: .+/) as string,
      'b.json it is empty',
      'c.json it has no list `events`',
      'd.json its list of events is empty',
      'e.json event 5 is missing',
      'f.json it ends before the first workflow task: there is nothing to replay',
      'g.json event 2 has no type that Temporal knows',
      expect.stringMatching(
        /^h\.json its payloads were decoded \(at events\/0\/.+\/payloads\); export it without/,
      ) as string,
      'i.json it has no list `events`',
      'z.json same',
    ]);
    expect((await handoff(['replay', where])).code).toBe(1);
  });

  test("an older export's short names are understood, and the input tells the workflow id where nothing else does", async () => {
    const short = golden('rejected')
      .replaceAll(/"EVENT_TYPE_([A-Z_]+)"/g, (_, name: string) => `"${pascal(name)}"`)
      .replaceAll('"TASK_QUEUE_KIND_NORMAL"', '"Normal"')
      .replaceAll('"workflowId"', '"tomorrow"');
    expect(short).toContain('"WorkflowExecutionStarted"');
    const said = await json<Said>(['replay', folder({ 'x.json': short })]);
    expect(said.results).toMatchObject([{ result: 'same', workflowId: 'handoff/golden-rejected' }]);
  });

  test.each([
    [[], 'Name a folder of histories, or say --from-server.'],
    [['no-such-folder'], 'Record histories with: handoff histories no-such-folder'],
    [[import.meta.dirname], 'holds no history (*.json).'],
  ])('%j is wrong usage', async (args, why) => {
    const { code, stderr } = await handoff(['replay', ...args]);
    expect(stderr).toContain(why);
    expect(code).toBe(2);
  });
});

const pascal = (name: string): string =>
  name.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

describe('with a server', () => {
  const parts = new Parts();
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.create(parts.options);
  });
  afterAll(() => rig.close());
  const at = (): string[] => ['--address', rig.address, '--task-queue', rig.taskQueue];

  /** Repeats a question until the answer fits: visibility lags behind. */
  async function until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
    for (const end = Date.now() + 20_000; ; await sleep(100)) {
      const answer = await ask();
      if (fits(answer) || Date.now() > end) return answer;
    }
  }

  test('histories are fetched into a folder, a file a run, and replay; so does what Temporal itself exports', async () => {
    const done = await startWork(rig, 'WORK_ONLY', { session: 'replayed' });
    await rig.client.result(done);
    const open = await startWork(rig, 'WORK_AND_ASK', { session: 'replayed' });
    await rig.untilStatus(open, 'awaiting_acceptance');
    // Whoever can start workflows chooses their ids.
    const evil = `handoff/../${newId()}`;
    await rig.temporal.workflow.start('NOT_A_HANDOFF', { workflowId: evil, taskQueue: rig.taskQueue });

    const where = path.join(folder(), 'new', 'histories');
    const said = await until(
      () => json<{ files: string[] }>(['histories', where, ...at()]),
      ({ files }) => files.length === 2,
    );
    const runId = async (id: string) => (await rig.temporal.workflow.getHandle(workflowIdOf(id)).describe()).runId;
    const names = [`${done}.${await runId(done)}.json`, `${open}.${await runId(open)}.json`].toSorted();
    expect(said.files.toSorted()).toEqual(names);
    expect(readdirSync(where).toSorted()).toEqual(names);
    expect(readdirSync(path.dirname(where))).toEqual(['histories']);

    const shown = execFileSync(
      inject('serverPath'),
      ['workflow', 'show', '--workflow-id', workflowIdOf(done), '--output', 'json', '--address', rig.address],
      { encoding: 'utf8', env: { ...process.env, TEMPORAL_CONFIG_FILE: '/nonexistent' } },
    );
    writeFileSync(path.join(where, 'shown.json'), shown);
    expect(await json<Said>(['replay', where])).toMatchObject({ replayed: 3, differ: 0, unreadable: 0 });
    expect(JSON.parse(shown)).toEqual(
      JSON.parse(
        readFileSync(
          path.join(
            where,
            names.find((n) => n.startsWith(done))!,
          ),
          'utf8',
        ),
      ),
    );

    const only = path.join(folder(), 'open');
    const narrow = await json<{ files: string[] }>(['histories', only, '--open', '--session', 'replayed', ...at()]);
    expect(narrow.files).toEqual(names.filter((n) => n.startsWith(open)));
    expect(
      (await json<{ files: string[] }>(['histories', only, '--procedure', 'WORK_OR_HOLD', ...at()])).files,
    ).toEqual([]);

    // What runs now, straight from the server.
    const now = await json<Said>(['replay', '--from-server', ...at()]);
    expect(now).toMatchObject({ replayed: 1, differ: 0, unreadable: 0 });
    expect(now.results[0]!.workflowId).toBe(workflowIdOf(open));
    const { epoch } = await rig.client.accept(open, { by: AGENTS.target });
    await rig.client.complete(open, { by: AGENTS.target, epoch });
    await rig.client.result(open);
    const after = await until(
      () => handoff(['replay', '--from-server', ...at()]),
      ({ stdout }) => stdout === 'Nothing to replay.\n',
    );
    expect(after).toMatchObject({ stdout: 'Nothing to replay.\n', code: 0 });
  });
});
