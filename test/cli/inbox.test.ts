import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InboxItem } from '../../src/client/inbox.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { handoff, json } from './rig.js';
import { inTerminal, noTerminal } from './terminal.js';

const parts = new Parts();
let rig: Rig;
const folder = (): string[] => ['--folder', rig.storage.folder];
const at = (): string[] => [...folder(), '--address', rig.address, '--task-queue', rig.taskQueue];
const by = AGENTS.target;
beforeAll(async () => {
  rig = await Rig.create(parts.options);
});
afterAll(() => rig.close());

const offered = async (over: Partial<HandoffRequest> = {}): Promise<string> => {
  const id = await startWork(rig, 'WORK_AND_ASK', over);
  await rig.untilStatus(id, 'awaiting_acceptance');
  return id;
};
/** Undoes and closes them. */
const end = async (...ids: string[]): Promise<void> => {
  for (const id of ids) {
    await rig.client.cancel(id, { by: 'op', reason: 'over' });
    await rig.client.result(id);
  }
};
const waiting = async (): Promise<string[]> =>
  (await json<InboxItem[]>(['inbox', by, ...folder()])).map((i) => i.handoffId);

test('inbox: what waits at a glance, and what to type; each answer is seen in it at once', async () => {
  expect((await handoff(['inbox', by, ...folder()])).stdout).toBe(
    [
      `Nothing waits for ${by} to accept.`,
      '',
      `handoff list --open --to ${by}            what is on its way to it, or with it`,
      `handoff list --status expired --to ${by}  what it did not accept in time`,
      '',
    ].join('\n'),
  );
  const [plain, late] = [await offered({ instructions: 'Build it\u001b[2J\nand more' }), await offered()];
  const urgent = await offered({ priority: 'immediate', instructions: { task: 'Mend it' } });
  // Nobody waits for its offer, which a busy machine may make too late.
  const expires = await startWork(rig, 'WORK_AND_ASK', { expiresInMinutes: 6 / 60 });
  await rig.client.pause(late, { by: 'op', reason: 'lunch' });
  await expect.poll(async () => (await rig.client.inbox(by)).filter((i) => i.paused)).toHaveLength(1);
  await rig.until(late, (s) => s.state?.checkpoint !== undefined);
  expect((await handoff(['show', late, ...at()])).stdout).toContain(`  Checkpoint hof-${late}-p1.`);
  const { stdout, code } = await handoff(['inbox', by, ...folder()]);
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[0]).toMatch(/^ID +PRIORITY +FROM +TYPE +TASK +OFFERED +EXPIRES +NOTE$/);
  expect(lines[1]).toMatch(
    new RegExp(`^${urgent} +immediate +${AGENTS.source} +AGENT_HANDOFF +Mend it +\\d+ s ago +in (59|60) min$`),
  );
  expect(lines[2]).toMatch(new RegExp(`^${plain} +normal .* Build it\\\\x1b\\[2J +\\d+ s ago +in (59|60) min$`));
  expect(lines[3]).toMatch(new RegExp(`^${late} +normal .* \\d+ s ago +stopped, (59|60) min left +paused by op$`));
  expect(stdout).toContain(`handoff accept ${urgent} --by ${by}  take the first`);

  // Its time passes; from then on it is not offered here any more, and stays on record.
  const open = [urgent, plain, late];
  await expect.poll(waiting, { timeout: 20_000 }).toEqual(open);
  await rig.client.result(expires);
  const expired = await json<{ handoffId: string }[]>(['list', '--status', 'expired', '--to', by, ...folder()]);
  expect(expired.map((h) => h.handoffId)).toEqual([expires]);

  const [first] = await json<(InboxItem & { commands: string[] })[]>(['inbox', by, '--limit', '1', ...folder()]);
  expect(first).toMatchObject({ handoffId: urgent, epoch: 1, task: 'Mend it' });
  expect(first!.commands).toEqual([
    `handoff accept ${urgent} --by ${by}`,
    `handoff reject ${urgent} --by ${by} --reason "…"`,
  ]);
  const accept = first!.commands[0]!.split(' ').slice(1);
  expect(await json([...accept, '--lease-minutes', '30', ...at()])).toMatchObject({ epoch: 1 });
  expect(await waiting()).toEqual([plain, late]);
  await json(['reject', plain, '--by', by, '--reason', 'no time', ...at()]);
  expect(await waiting()).toEqual([late]);
  await json(['complete', urgent, '--by', by, '--epoch', '1', ...at()]);
  expect(await waiting()).toEqual([late]);
  await json(['cancel', late, '--reason', 'over', ...at()]);
  for (const id of open) await rig.client.result(id);
  expect(await waiting()).toEqual([]);
});

test('inbox: an agent that nobody knows, and a folder without data, are named in one line', async () => {
  const unknown = await handoff(['inbox', `@${newId()}`, ...folder()]);
  expect([unknown.code, unknown.stdout]).toEqual([2, '']);
  expect(unknown.stderr).toMatch(/No agent @\S+ is registered \(at its inbox\)/);
  const other = await handoff(['inbox', by.slice(1), ...folder()]);
  expect(other.stderr).toContain(`Or do you mean ${by}?`);
  const slip = await handoff(['inbox', `${by}s`, ...folder()]);
  expect(slip.stderr).toContain(`Or do you mean ${by}?`);
  const nowhere = await handoff(['inbox', by, '--folder', `${rig.folder}/nowhere`]);
  expect([nowhere.code, nowhere.stderr.includes('holds no handoff data')]).toEqual([2, true]);
});

test('accept: who takes what was offered to another is told so; an owed return names the verb that hands it in; a pause is told', async () => {
  const contract = { expects_in_return: { report: { type: 'file' as const, critical: true } } };
  const id = await offered({ contract });
  const { stdout } = await handoff(['accept', id, '--by', `${by}s`, ...at()]);
  expect(stdout).toContain(`${by}s has ${id} now (epoch 1), though it was offered to ${by}. When the work is done:`);
  const owed = await handoff(['complete', id, '--by', `${by}s`, '--epoch', '1', ...at()]);
  expect(owed.stderr).toContain(`Hand it in first: \`handoff submit-return ${id}\``);
  const own = await offered();
  const taken = await handoff(['accept', own, '--by', by, ...at()]);
  expect(taken.stdout).toContain(`${by} has ${own} now (epoch 1). When`);
  const late = await offered();
  await rig.client.pause(late, { by: 'op', reason: 'lunch' });
  const still = `It is paused by op (lunch), and goes on after: handoff resume ${late}.`;
  const held = await handoff(['accept', late, '--by', by, ...at()]);
  expect(held.stdout).toContain(`${by} has ${late} now (epoch 1). ${still} When`);
  await end(id, own, late);
});

test.skipIf(noTerminal())('list: an id is whole on a narrow terminal, and an empty list names its folder', async () => {
  const id = await offered();
  const shown = await inTerminal(['list', '--open', ...folder()], { COLUMNS: undefined }).ended;
  expect(shown).toMatch(/ID +STATUS +STARTED +BLOCKED/);
  expect(shown).toContain(`${id} `);
  await end(id);
  const none = await handoff(['list', '--session', newId(), ...folder()]);
  expect(none).toMatchObject({ code: 0, stdout: `No handoffs found in ${rig.storage.folder}.\n` });
});
