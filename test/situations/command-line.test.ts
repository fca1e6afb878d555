import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handoff, json } from '../cli/rig.js';
import { SITUATIONS, type Situation } from './situations.js';
import { Stage } from './stage.js';

// Each situation, from a clean start to mended: looked at and mended with the command line only.
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
}, 120_000);
afterAll(() => stage.close());

/** What `handoff …` prints; it must succeed unless told otherwise. */
async function say(args: string[], code = 0): Promise<string> {
  const ended = await handoff([...args, '--folder', stage.folder]);
  expect(ended).toMatchObject({ code, stderr: '' });
  return ended.stdout;
}
const show = (id: string): Promise<string> => say(['show', id]);
const outcome = (id: string, code = 0): Promise<string> => say(['result', id, '--timeout', '60'], code);

async function brought(situation: Situation): Promise<{ id: string; shown: string }> {
  await SITUATIONS[situation](stage, situation);
  return { id: situation, shown: await show(situation) };
}
async function acceptAndComplete(id: string): Promise<void> {
  await say(['accept', id, '--by', '@editor']);
  await say(['complete', id, '--by', '@editor', '--epoch', '1']);
  expect(await outcome(id)).toContain('completed');
}

describe('each situation, looked at and mended on the command line', { timeout: 90_000 }, () => {
  test('running: it says what is at work; cancelled, it is undone', async () => {
    const { id, shown } = await brought('running');
    expect(shown).toMatch(/running since .* at work: Render the Report/);
    expect(shown).toMatch(/A cancel now\n {2}would undo 1, newest first: Share \(running\/figures\)/);
    await say(['cancel', id, '--reason', 'not needed']);
    expect(await outcome(id, 1)).toContain('cancelled');
    expect(await stage.figures(id)).toBeUndefined();
  });

  test('paused: it says who paused it, and resumes', async () => {
    const { id, shown } = await brought('paused');
    expect(shown).toMatch(/paused since/);
    expect(shown).toContain('the printer is in use until noon');
    expect(shown).toContain(`handoff resume ${id}`);
    await say(['resume', id]);
    await stage.untilShown(id, 'awaiting_acceptance');
    await acceptAndComplete(id);
  });

  test('draining: it says what still ends', async () => {
    const { id, shown } = await brought('draining');
    expect(shown).toMatch(/draining since .* Render the Report still ends/);
    await stage.untilShown(id, 'paused');
    await say(['resume', id]);
    await stage.untilShown(id, 'awaiting_acceptance');
    await say(['reject', id, '--by', '@editor', '--reason', 'too late']);
    expect(await outcome(id, 1)).toContain('rejected');
    expect(stage.hasReport(id)).toBe(false);
  });

  test('waiting for acceptance: it says for whom, since when, what to type', async () => {
    const { id, shown } = await brought('waiting-for-acceptance');
    expect(shown).toMatch(/awaiting acceptance since .* it waits for @editor to accept/);
    expect(shown).toContain(`handoff accept ${id} --by @editor`);
    await acceptAndComplete(id);
    expect(stage.hasReport(id)).toBe(true);
  });

  test('step retrying: the attempts are told', async () => {
    const { id } = await brought('step-retrying');
    await expect.poll(() => show(id), { timeout: 20_000 }).toContain('the print server answers 503');
    await stage.untilShown(id, 'awaiting_acceptance');
    await acceptAndComplete(id);
  });

  test('incident at a step: it is in the list of incidents, and retried with amended input', async () => {
    const { id } = await brought('incident-at-a-step');
    const incidents = await say(['incidents']);
    expect(incidents).toMatch(new RegExp(`${id}[\\s\\S]*the print server answers 503[\\s\\S]*handoff retry ${id}`));
    await say(['retry', id, '--reason', 'another printer', '--input', '{"failures":0}']);
    await stage.untilShown(id, 'awaiting_acceptance');
    await acceptAndComplete(id);
  });

  test('incident at an undo: ours, theirs and before are shown; theirs is kept', async () => {
    const { id, shown } = await brought('incident-at-an-undo');
    expect(shown).toMatch(/ours: version 2[\s\S]*theirs: version 3[\s\S]*before: version 1/);
    expect(shown).toContain(`handoff resolve ${id}`);
    await say(['resolve', id, '--reason', 'theirs is newer', '--choice', 'keep_theirs']);
    expect(await outcome(id, 1)).toContain('rejected');
    expect(await stage.figures(id)).toEqual({ rows: 99 });
  });

  test('compensating: it says why', async () => {
    const { id, shown } = await brought('compensating');
    expect(shown).toMatch(/compensating since .* undoing what was done/);
    expect(shown).toContain('the figures are old');
    expect(await outcome(id, 1)).toContain('rejected');
    expect(stage.hasReport(id)).toBe(false);
  });

  test('expired: it says so, and starts again under another id', async () => {
    const { id, shown } = await brought('expired');
    expect(shown).toMatch(/expired at /);
    expect(shown).toContain('nobody accepted it in time');
    expect(await outcome(id, 1)).toContain('expired');
    await stage.start(`${id}-again`, 'NIGHTLY_REPORT');
    await stage.untilShown(`${id}-again`, 'awaiting_acceptance');
    await acceptAndComplete(`${id}-again`);
  });

  test('completed: it says what was handed over, and the list is at peace', async () => {
    const { id, shown } = await brought('completed');
    expect(shown).toContain('@data-analyst handed over to @editor.');
    expect(await outcome(id)).toContain('completed');
    const open = await json<unknown[]>(['list', '--open', '--folder', stage.folder]);
    expect(open).toEqual([]);
    expect(await say(['incidents'])).toContain('No open incidents');
  });
});
