import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentHandoffCoordinator } from '../../src/index.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { handoff, json, launch } from './rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());
const at = (): string[] => ['--folder', rig.storage.folder, '--address', rig.address, '--task-queue', rig.taskQueue];

const document = AgentHandoffCoordinator.prepareHandoff({
  sourceAgent: AGENTS.source,
  targetAgent: AGENTS.target,
  context: { sessionId: `cli-${process.pid}` },
  instructions: { task: 'Read \u001b[31m# this\nand that', expectedOutput: 'a word' },
});
const fileOf = async (name: string, content: string): Promise<string> => {
  const file = path.join(rig.folder, name);
  await writeFile(file, content);
  return file;
};

test('a file with a document is handed over; what is missing is said on the side, and stops nothing', async () => {
  const file = await fileOf('document.json', AgentHandoffCoordinator.toJSON(document));
  const planned = await handoff(['plan', file, '--source', path.join(rig.folder, 'in'), ...at()]);
  expect([planned.code, planned.stdout]).toEqual([
    0,
    expect.stringContaining('- /instructions/doneCriteria: it is not said how to tell that it is done.'),
  ]);
  rig.started.add(document.id);
  const { code, stdout, stderr } = await handoff(['start', file, '--json', ...at()]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'warning /instructions/doneCriteria: it is not said how to tell that it is done\n',
  });
  expect(JSON.parse(stdout)).toMatchObject({
    handoffId: document.id,
    warnings: [{ path: '/instructions/doneCriteria' }],
  });
});

test('its Markdown is for people, its JSON is the document, and neither says anything to the terminal', async () => {
  await rig.untilStatus(document.id, 'awaiting_acceptance');
  const { code, stdout, stderr } = await handoff(['show', document.id, '--markdown', ...at()]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe(`${AgentHandoffCoordinator.toMarkdown(document)}\n`);
  expect(stdout).toContain(String.raw`**Task**: Read ${'\ufffd'}\[31m# this<br>and that`);
  expect(await json(['show', document.id, '--markdown', ...at()])).toEqual(document.toJSON());
  const none = await handoff(['show', 'not-there', '--markdown', ...at()]);
  expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/^error HANDOFF_NOT_FOUND: /)]);
});

test("run says it too, and the id of the command line is the handoff's", async () => {
  const id = `${document.id}-2`;
  rig.started.add(id);
  const running = launch(['run', path.join(rig.folder, 'document.json'), '--id', id, ...at()]);
  await running.says('warning /instructions/doneCriteria: ');
  await rig.untilStatus(id, 'awaiting_acceptance');
  const { epoch } = await rig.client.accept(id, { by: AGENTS.target });
  await rig.client.complete(id, { by: AGENTS.target, epoch });
  expect(await running.ended).toMatchObject({ code: 0, stdout: expect.stringContaining(`completed ${id}`) as unknown });
});

test('a document that is none is refused with its place', async () => {
  const text = readFileSync(path.join(rig.folder, 'document.json'), 'utf8');
  const broken = await fileOf('broken.json', text.replace('"priority": "normal"', '"priority": "soon"'));
  const { code, stderr } = await handoff(['start', broken, ...at()]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^error INVALID_PACKAGE: Invalid handoff: \/priority: /)]);
  await rig.client.cancel(document.id, { by: 'op', reason: 'end' });
  await rig.client.result(document.id);
});
